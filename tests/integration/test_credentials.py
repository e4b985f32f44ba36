"""Who a request comes from: tokens in every form in which they are sent, those that do not hold, and what it costs."""

import asyncio
import inspect
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connections
from django.utils import timezone

from chatcore import credentials as module
from chatcore import services
from chatcore.actors import SYSTEM, Actor
from chatcore.credentials import Credentials
from chatcore.database import DatabaseThread
from chatcore.exceptions import ChatError, NotSignedIn, RateLimited
from chatcore.history.tokens import token_named
from chatcore.models import Room, Token
from chatcore.services.tokens import create_hook, create_token, revoke_token
from chatcore.token_texts import TokenText, new_token_text, read_token_text
from tests.integration.counting import queries_of_new_threads
from tests.integration.sockets import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
LOCAL = {"extensions": {"roomline.peer": {"uid": 1000}}}
COOKIE = (b"cookie", b"sessionid=x")


@pytest.fixture(autouse=True)
def ops() -> None:
    services.create_room("ops")


def scope(*values: str | bytes, **more: Any) -> dict[str, Any]:
    """A request with these Authorization headers."""
    headers = [(b"authorization", value if isinstance(value, bytes) else value.encode()) for value in values]
    return {"type": "http", "headers": [(b"host", b"chat"), *headers], **more}


def basic(text: str, user: str = "any") -> str:
    return f"Basic {b64encode(f'{user}:{text}'.encode()).decode()}"


def asked(work: Callable[[Credentials], Awaitable[T]]) -> T:
    """What becomes of it in a process of its own."""

    async def run() -> T:
        thread = DatabaseThread("users")
        try:
            return await work(Credentials(thread))
        finally:
            await thread.run(connections.close_all)
            thread.close()

    return asyncio.run(run())


def who(asking: dict[str, Any]) -> Actor | None:
    return asked(lambda credentials: credentials.actor(asking))


def refusal(asking: dict[str, Any]) -> str:
    with pytest.raises(NotSignedIn) as caught:
        who(asking)
    assert (caught.value.status, caught.value.close_code) == (401, 4401)
    return caught.value.detail


def text_of(name: str = "ci", **options: Any) -> str:
    return create_token(name, ["ops"], **options).text


FORMS: list[Callable[[str], str]] = [
    lambda text: f"Bearer {text}",
    lambda text: f"bearer {text}",
    lambda text: f"BEARER   {text} ",
    basic,
    lambda text: basic(text, user=""),
    lambda text: basic(text, user="ünï"),
    lambda text: basic(text).replace("Basic", "bAsIc"),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_token_is_known_in_every_form_that_clients_have(form: Callable[[str], str]) -> None:
    text = text_of(can=["read"], rate="5/s")
    actor = who(scope(form(text)))
    assert actor == token_named("ci").actor
    assert actor is not None
    assert actor.grant is not None
    assert (actor.type, actor.name, actor.username, actor.grant.can) == ("token", "ci", "ci", ("read",))


def test_who_brings_nothing_is_nobody() -> None:
    assert who(scope()) is None
    assert who({"type": "http", "headers": [COOKIE]}) is None


def test_a_program_of_this_machine_is_the_system_unless_it_brings_a_token() -> None:
    assert who(scope(**LOCAL)) == SYSTEM
    assert who(scope(f"Bearer {text_of()}", **LOCAL)) == token_named("ci").actor
    refusal(scope("Bearer nonsense", **LOCAL))


MALFORMED = [
    "", "Bearer", "Bearer ", "Bearer x", "Token x", "Digest username=x", "Negotiate abc", "Basic", "Basic !",
    "Basic eA==", basic("hunter2"), "Bearer rl_abcdefghijkm_", b"Bearer \xff\xfe", "Bearer " + "x" * 100_000, "\0",
    "Basic " + "A" * 10_001,
]  # fmt: skip


@pytest.mark.parametrize("value", MALFORMED)
def test_what_is_no_token_is_told_so_and_not_repeated(value: str | bytes) -> None:
    said = refusal(scope(value))
    assert "Authorization: Bearer TOKEN" in said
    assert len(said) < 200
    assert "hunter2" not in said


def test_two_authorizations_are_none() -> None:
    text = text_of()
    assert "no token" in refusal(scope(f"Bearer {text}", f"Bearer {text}"))


def wrong_secret(text: str) -> str:
    found = read_token_text(text)
    assert found is not None
    return str(TokenText(found.id, new_token_text().secret))


def test_an_unknown_id_and_a_wrong_secret_read_the_same_also_of_one_that_has_ended() -> None:
    text = text_of()
    unknown = refusal(scope(f"Bearer {new_token_text()}"))
    assert "no such token" in unknown
    assert refusal(scope(f"Bearer {wrong_secret(text)}")) == unknown
    revoke_token("ci")
    assert refusal(scope(f"Bearer {wrong_secret(text)}")) == unknown
    hook = create_hook("alerts", "ops").text
    assert refusal(scope(f"Bearer {hook}")) == unknown


def test_whoever_has_the_secret_is_told_why_it_holds_no_more() -> None:
    revoked, expired = text_of("one"), text_of("two", expires_at=timezone.now() + timedelta(hours=1))
    revoke_token("one")
    Token.objects.filter(name="two").update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "revoked" in refusal(scope(f"Bearer {revoked}"))
    assert "expired" in refusal(scope(f"Bearer {expired}"))


def test_no_refusal_tells_of_the_secret() -> None:
    text = text_of()
    revoke_token("ci")
    found = read_token_text(text)
    assert found is not None
    for value in (f"Bearer {text}", f"Bearer {text}x", f"Token {text}", basic(f"{text}x"), f"{text}"):
        assert found.secret not in refusal(scope(value))


def test_a_password_for_a_proxy_is_not_ours_where_there_is_a_cookie() -> None:
    asking = scope(basic("hunter2"))
    asking["headers"].append(COOKIE)
    assert who(asking) is None
    asking = scope(basic(text_of()))
    asking["headers"].append(COOKIE)
    assert who(asking) == token_named("ci").actor
    asking = scope("Bearer hunter2")
    asking["headers"].append(COOKIE)
    refusal(asking)


def test_a_hot_caller_costs_no_query_and_many_at_once_cost_one_look() -> None:
    text = text_of()

    async def work(credentials: Credentials) -> int:
        with queries_of_new_threads() as found:
            await asyncio.gather(*(credentials.actor(scope(f"Bearer {text}")) for _ in range(50)))
            await asyncio.gather(*(credentials.actor(scope(basic(text))) for _ in range(50)))
            return sum(sql.startswith("SELECT") for _, sql in found)

    assert asked(work) == 2  # the token, and its rooms


def test_what_is_kept_is_not_believed_for_a_wrong_secret() -> None:
    text = text_of()

    async def work(credentials: Credentials) -> None:
        assert await credentials.actor(scope(f"Bearer {text}")) is not None
        with pytest.raises(NotSignedIn):
            await credentials.actor(scope(f"Bearer {wrong_secret(text)}"))
        assert await credentials.actor(scope(f"Bearer {text}")) is not None

    asked(work)


async def until_refused(credentials: Credentials, text: str) -> str:
    async with asyncio.timeout(20):
        while True:
            try:
                await credentials.actor(scope(f"Bearer {text}"))
            except NotSignedIn as error:
                return error.detail
            await asyncio.sleep(0.02)


@pytest.mark.slow
def test_a_token_in_use_is_shut_out_soon_after_it_is_revoked() -> None:
    text = text_of()

    async def work(credentials: Credentials) -> str:
        await credentials.actor(scope(f"Bearer {text}"))
        await elsewhere(revoke_token, "ci")
        return await until_refused(credentials, text)

    assert "revoked" in asked(work)


def test_a_token_that_is_kept_expires_at_its_time() -> None:
    text = text_of(expires_at=timezone.now() + timedelta(seconds=0.2))
    assert "expired" in asked(lambda credentials: until_refused(credentials, text))


def guess() -> str:
    """A token that there is not."""
    return str(new_token_text())


def test_who_makes_up_tokens_is_held_back_by_address_before_the_database_is_asked() -> None:
    """Others are not, nor are tokens that are known, nor a proxy of this machine that names no address."""
    text, new = text_of(), text_of("new")
    evil, good = {"client": ("192.0.2.7", 1)}, {"client": ("192.0.2.8", 1)}

    async def work(credentials: Credentials) -> None:
        await credentials.actor(scope(f"Bearer {text}", **evil))
        for _ in range(500):
            credentials._limits.spend_guess("192.0.2.7")
        with queries_of_new_threads() as found:
            for refused in (lambda: credentials.actor(scope(f"Bearer {guess()}", **evil)),
                            lambda: credentials.hook(guess(), "192.0.2.7")):  # fmt: skip
                with pytest.raises(RateLimited) as caught:
                    await refused()
                assert 0 < caught.value.wait <= 1
            assert not found
        credentials._kept[text_id(text)] = 0.0, credentials._kept[text_id(text)][1]  # as after a second
        assert await credentials.actor(scope(f"Bearer {text}", **evil))
        assert await credentials.actor(scope(f"Bearer {new}", **good))
        for other in (good, {"client": ("127.0.0.1", 1)}, {"client": None}):
            with pytest.raises(NotSignedIn):
                await credentials.actor(scope(f"Bearer {guess()}", **other))

    asked(work)


def test_a_token_that_there_is_costs_its_address_no_guess() -> None:
    text = text_of()

    async def work(credentials: Credentials) -> None:
        for _ in range(499):
            credentials._limits.spend_guess("192.0.2.7")
        for _ in range(10):
            await credentials.actor(scope(f"Bearer {text}", client=("192.0.2.7", 1)))
            credentials._kept.clear()

    asked(work)


def text_id(text: str) -> str:
    given = read_token_text(text)
    assert given is not None
    return given.id


def hooked(text: str) -> tuple[Actor, str]:
    return asked(lambda credentials: credentials.hook(text))


def test_a_hook_says_who_posts_and_where_and_is_for_nothing_else() -> None:
    text = create_hook("alerts", "ops").text
    assert hooked(text) == (token_named("alerts").actor, "ops")
    for wrong in (text_of(), f"{text}x", "", wrong_secret(text), "../x"):
        with pytest.raises(NotSignedIn):
            hooked(wrong)


def test_a_hook_whose_room_is_gone_says_so() -> None:
    text = create_hook("alerts", "ops").text
    Room.objects.all().delete()
    with pytest.raises(NotSignedIn, match="deleted"):
        hooked(text)


def test_the_last_use_is_kept_apart_from_the_request_and_at_most_once_a_minute() -> None:
    text, other = text_of(), create_hook("alerts", "ops").text
    text_of("unused")

    async def work(credentials: Credentials) -> list[int]:
        written = []
        for _ in range(3):
            await credentials.actor(scope(f"Bearer {text}"))
            await credentials.hook(other)
            with queries_of_new_threads() as found:
                await elsewhere(credentials.save_uses, timeout=5.0)
                written.append(sum(sql.startswith("UPDATE") for _, sql in found))
            credentials._kept.clear()  # as after a second
        return written

    before = timezone.now()
    assert asked(work) == [1, 0, 0]
    assert token_named("unused").last_used_at is None
    for name in ("ci", "alerts"):
        used_at = token_named(name).last_used_at
        assert used_at is not None
        assert used_at >= before
    Token.objects.update(last_used_at=before - timedelta(minutes=2))
    assert asked(work) == [1, 0, 0]


def test_a_token_that_does_not_hold_was_not_used() -> None:
    text = text_of()
    revoke_token("ci")

    async def work(credentials: Credentials) -> None:
        for value in (text, wrong_secret(text)):
            with pytest.raises(ChatError):
                await credentials.actor(scope(f"Bearer {value}"))
        await elsewhere(credentials.save_uses, timeout=5.0)

    asked(work)
    assert Token.objects.get().last_used_at is None


def test_secrets_are_compared_by_hmac_and_nothing_else_decides_on_them() -> None:
    source = inspect.getsource(module)
    assert source.count("hmac.compare_digest(") == 1
    assert source.count(".digest") == 1
    assert source.count(".secret") == 1
