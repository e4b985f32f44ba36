"""F21: who has signed out, or may not be there any more, is closed on every server within 5 s and cannot come back."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.clients import Reader
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

pytestmark = [pytest.mark.slow, pytest.mark.fault("F21")]

TOKEN = "a" * 32


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[ChatSite, ChatSite]]:
    with ChatSite() as one, ChatSite(beside=one) as two:
        yield one, two


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Leave the answer as it is."""


def submit(site: ChatSite, cookie: str, path: str, **form: str) -> str:
    """Send the form as who has this cookie; the cookie from then on."""
    sent = {"Cookie": f"{cookie}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN}
    request = urllib.request.Request(f"{site.url}{path}", urlencode(form).encode(), sent)
    try:
        with urllib.request.build_opener(NoRedirect()).open(request) as answered:
            assert b"errorlist" not in answered.read()
            headers = answered.headers
    except urllib.error.HTTPError as redirect:
        if redirect.code != 302:
            raise
        headers = redirect.headers
    given = [value.partition(";")[0] for value in headers.get_all("Set-Cookie") or ()]
    return next((value for value in given if value.startswith("sessionid=")), cookie)


@dataclass(frozen=True)
class Person:
    """Somebody with two devices, whose first one is `cookie`. She is in the private room of her own name."""

    site: ChatSite
    name: str
    cookie: str

    def in_shell(self, code: str) -> None:
        """As a command of the site's admin does it, to `user` or `session`."""
        users = (
            f"from django.contrib.auth import get_user_model as m; user = m().objects.filter(username='{self.name}')"
        )
        key = self.cookie.partition("=")[2]
        session = f"from django.contrib.sessions.models import Session as s; session = s.objects.filter(pk='{key}')"
        done = self.site.manage("shell", "-v0", "-c", f"{users}; me = user.get(); {session}; {code}")
        assert done.returncode == 0, done.stderr


def signs_out(alice: Person) -> None:
    submit(alice.site, alice.cookie, "accounts/logout/")


def changes_her_password(alice: Person) -> None:
    new = "another long enough password"
    form = {"old_password": alice.site.password, "new_password1": new, "new_password2": new}
    assert submit(alice.site, alice.cookie, "accounts/password/", **form) != alice.cookie


def gets_a_password(alice: Person) -> None:
    alice.in_shell("me.set_password('x'); me.save()")


def is_switched_off(alice: Person) -> None:
    alice.in_shell("me.is_active = False; me.save()")


def is_switched_off_behind_djangos_back(alice: Person) -> None:
    alice.in_shell("user.update(is_active=False)")


def is_deleted(alice: Person) -> None:
    alice.in_shell("me.delete()")


def loses_her_session(alice: Person) -> None:
    alice.in_shell("session.delete()")


def has_an_expired_session(alice: Person) -> None:
    alice.in_shell("session.update(expire_date='2001-01-01T00:00Z')")


def is_superuser_no_more(alice: Person) -> None:
    alice.in_shell("me.is_superuser = False; me.save()")


def is_banned(alice: Person) -> None:
    assert alice.site.manage("chat_user", "ban", alice.name).returncode == 0


def is_removed(alice: Person) -> None:
    assert alice.site.manage("chat_rooms", "members", alice.name, "--remove", alice.name).returncode == 0


@dataclass(frozen=True)
class Fate:
    """What happens, the code with which her sockets close, whether those of her other device do, too."""

    happens: Callable[[Person], None]
    code: int = 4401
    everywhere: bool = True
    superuser: bool = False


FATES = [
    Fate(signs_out, everywhere=False),
    Fate(loses_her_session, everywhere=False),
    Fate(has_an_expired_session, everywhere=False),
    Fate(changes_her_password),
    Fate(gets_a_password),
    Fate(is_switched_off),
    Fate(is_switched_off_behind_djangos_back),
    Fate(is_deleted),
    Fate(is_superuser_no_more, 4404, superuser=True),
    Fate(is_banned, 4403),
    Fate(is_removed, 4404),
]


@pytest.mark.parametrize("fate", FATES, ids=lambda fate: fate.happens.__name__)
def test_who_may_not_be_there_any_more_is_closed_on_both_servers_and_cannot_come_back(
    sites: tuple[ChatSite, ChatSite], fate: Fate, figures: Callable[..., None]
) -> None:
    one, two = sites
    alice, other, bobs = prepared(one, f"alice-{FATES.index(fate)}", superuser=fate.superuser)
    room, own = alice.name, alice.cookie

    async def check() -> None:
        loop, ended = asyncio.get_running_loop(), dict[str, float]()
        here, there = Reader(one, room, own), Reader(two, room, own)
        other_device, bob = Reader(two, room, other), Reader(one, room, bobs)
        async with here, there, other_device, bob:
            began = loop.time()
            happening = asyncio.create_task(asyncio.to_thread(fate.happens, alice))
            for name, reader in (("here", here), ("there", there)):
                await reader.until(lambda: reader.closed == fate.code, f"the close code {fate.code}")  # noqa: B023
                ended[name] = loop.time()
            await happening
            seconds = max(ended.values()) - began
            print(f"{fate.happens.__name__}: both are closed {seconds:.2f} s after it began")  # noqa: T201
            figures("F21", fate=fate.happens.__name__, closed_after_s=round(seconds, 2))
            assert here.replies[-1]["type"] == there.replies[-1]["type"] == "error"
            for site in sites:
                assert await refused(site, room, own) == fate.code
            if fate.everywhere:
                await other_device.until(lambda: other_device.closed == fate.code, "the end of her other device")
            await asyncio.to_thread(one.manage, "chat_send", room, "who is left?")
            for reader in (bob, *([] if fate.everywhere else [other_device])):
                await reader.until(lambda: bool(reader.view.messages), "the message")  # noqa: B023
            assert not here.view.messages
            assert not there.view.messages

    asyncio.run(asyncio.wait_for(check(), DEADLINE_S * 3))


def prepared(site: ChatSite, name: str, *, superuser: bool) -> tuple[Person, str, str]:
    """Her private room, in which bob is, too; and she, as a member or a superuser. And the cookies of her other device
    and of bob."""
    own, other, bobs = site.sign_in(name, name, "bob")
    alice = Person(site, name, own)
    if superuser:
        alice.in_shell("user.update(is_superuser=True)")
    members = ["--member", "bob", *([] if superuser else ["--member", name])]
    done = site.manage("create_room", name, "--private", *members)
    assert done.returncode == 0, done.stderr
    return alice, other, bobs


async def refused(site: ChatSite, room: str, cookie: str) -> int:
    """The code with which a new socket is closed."""
    async with connect(f"{site.ws_url(room)}?v=1", additional_headers={"Cookie": cookie}) as socket:
        try:
            while True:
                await asyncio.wait_for(socket.recv(), DEADLINE_S)
        except ConnectionClosed:
            return socket.close_code or 1006
