"""Another program keeps SQLite's write lock: writers wait as long as they may, then say so; readers notice nothing."""

import asyncio
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.faults.posting import UNAVAILABLE, Commands, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK

pytestmark = pytest.mark.sqlite("a writer that locks the whole database")

CLIENTS = 5 if SOAK == 1 else 50


@contextmanager
def locked(site: ChatSite) -> Iterator[None]:
    """By a program that knows nothing of turns."""
    other = sqlite3.connect(site.var_dir / "chat.sqlite3", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.mark.slow
@pytest.mark.fault("F11")
@pytest.mark.parametrize("seconds", [1.0] if SOAK == 1 else [1.0, 3.0])
def test_a_lock_that_is_shorter_than_their_patience_only_delays_writers(
    site: ChatSite, seconds: float, figures: Callable[..., None]
) -> None:
    cookies, ledger = site.sign_in("alice", "bob"), Ledger()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd:
            with locked(site):
                command = asyncio.create_task(commands.send("by a command"))
                posts = [asyncio.create_task(person.post("by a page")) for person in crowd.people]
                _, waiting = await asyncio.wait([command, *posts], timeout=seconds)
                assert len(waiting) == 1 + CLIENTS, "nobody can have stored anything"
            assert await command == ""
            await asyncio.gather(*posts)
            await crowd.until_even()
        figures("F11", locked_s=seconds, command_s=worst(commands.took))

    asyncio.run(scenario())
    ledger.check(site)


@pytest.mark.slow
@pytest.mark.fault("F11")
def test_a_lock_that_outlasts_them_is_told_and_what_was_refused_is_stored_once_later(
    site: ChatSite, figures: Callable[..., None]
) -> None:
    (alice,), ledger = site.sign_in("alice"), Ledger()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Reader(site, "newbox", alice) as reader:
            await reader.send({"type": "send", "message": "before", "client_id": "before"})
            await reader.until_seen(1)
            with locked(site):
                began = time.monotonic()
                await reader.send({"type": "send", "message": "meanwhile", "client_id": "meanwhile"})
                await reader.send({"type": "edit", "seq": 1, "message": "edited"})
                command = asyncio.create_task(commands.send("too short", "--timeout", "2", code=UNAVAILABLE))
                refused = await asyncio.to_thread(page_that_writes, site)
                await reader.until(lambda: len(reader.replies) == 3, "both refusals")
                refused_after = time.monotonic() - began
                assert "nothing was stored, try again" in await command
                seen = await asyncio.to_thread(site.manage, "chat_tail", "newbox", "--no-follow")
                assert (seen.returncode, seen.stderr) == (0, "")
                async with Reader(site, "newbox", alice) as another:  # whoever comes now reads what there is
                    await another.until_seen(1)
                if SOAK > 1:
                    await asyncio.sleep(max(0.0, 30 - (time.monotonic() - began)))
            assert refused == 503
            assert [reply.get("code") for reply in reader.replies[1:]] == ["unavailable"] * 2
            assert reader.closed is None
            await reader.send({"type": "send", "message": "meanwhile", "client_id": "meanwhile"})
            await commands.send("after it")
            await reader.until_seen(3)
            assert sorted(text for text, _ in reader.view.messages.values()) == ["after it", "before", "meanwhile"]
            ledger.views.append(reader.view)
            ledger.check(site)
        figures("F11", refused_after_s=round(refused_after, 2), command_s=worst(commands.took))

    asyncio.run(scenario())


def page_that_writes(site: ChatSite) -> int:
    """The status of a sign-up, which would make an account."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    page = opener.open(f"{site.url}accounts/signup/").read().decode()
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    fields = f"csrfmiddlewaretoken={token}&username=carol&password1={'w' * 12}9x&password2={'w' * 12}9x"
    try:
        return int(opener.open(f"{site.url}accounts/signup/", fields.encode()).status)
    except urllib.error.HTTPError as refused:
        return refused.code
