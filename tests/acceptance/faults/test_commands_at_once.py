"""Many commands at once, and one beside heavy writers: numbers in order, none fails, none waits long."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.faults.posting import Commands, posting, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK

pytestmark = [pytest.mark.slow, pytest.mark.fault("F19")]

AT_ONCE = 12 if SOAK == 1 else 50
LINES = 1500 if SOAK == 1 else 30_000
COMMITS = 100 if SOAK == 1 else 500
#: What a `chat_send` does once it has started, again and again in one process: the seconds of each commit.
COMMIT = """
import json, time
from chatcore.actors import bot
from chatcore.services import Post, Posted, post_messages
took = []
for number in range({commits}):
    began = time.perf_counter()
    (posted,) = post_messages([Post("newbox", f"commit {{number}}", bot("probe"))], timeout=10.0)
    assert isinstance(posted, Posted), posted
    took.append(time.perf_counter() - began)
    time.sleep(0.01)
print(json.dumps(took))
"""


def test_commands_that_begin_at_once_are_stored_one_after_another(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    ledger = Ledger()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Reader(site, "newbox", cookies[0]) as reader:
            began = time.monotonic()
            talk = await asyncio.gather(*(commands.send(f"command {number}") for number in range(AT_ONCE)))
            seconds = time.monotonic() - began
            assert set(talk) == {""}
            await reader.until_seen(AT_ONCE)
            assert reader.view.posted == list(range(1, AT_ONCE + 1))
            texts = sorted(text for text, _ in reader.view.messages.values())
            assert texts == sorted(f"command {number}" for number in range(AT_ONCE))
            ledger.views.append(reader.view)
            ledger.check(site)
        figures("F19", commands=AT_ONCE, seconds=round(seconds, 2), slowest_s=worst(commands.took))

    asyncio.run(scenario())


@pytest.fixture
def export(site: ChatSite, tmp_path: Path) -> Path:
    """A room of another site, as a file."""
    lines = "\n".join(f"line {number} of a room that moves" for number in range(LINES))
    assert site.manage("create_room", "moved").returncode == 0
    assert site.manage("chat_send", "-q", "moved", "--lines", input=lines).returncode == 0
    path = tmp_path / "moved.jsonl"
    path.write_text(site.manage("chat_rooms", "export", "moved").stdout)
    return path


def test_a_commit_beside_heavy_writers_waits_for_its_turn_and_no_longer(
    site: ChatSite, cookies: list[str], export: Path, figures: Callable[..., None]
) -> None:
    ledger = Ledger()
    lines = "".join(f"bulk {number}\n" for number in range(LINES))

    async def ran(*arguments: str, input: str | None = None) -> str:
        done = await asyncio.to_thread(site.manage, *arguments, input=input)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def commits() -> list[float]:
        return list(json.loads(await ran("shell", "-v0", "-c", COMMIT.format(commits=COMMITS))))

    async def beside(write: Callable[[int], Awaitable[str]]) -> list[float]:
        """Commits while this writes, again and again."""
        measured, number = asyncio.create_task(commits()), 0
        while not measured.done():
            number += 1
            await write(number)
        return await measured

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, 20, ledger) as crowd:
            usual = await commits()
            took = {
                "an import": await beside(
                    lambda number: ran("chat_rooms", "import", "-q", str(export), "--room", f"moved-{number}")
                ),
                "--lines": await beside(lambda _: ran("chat_send", "-q", "newbox", "--lines", input=lines)),
            }
            async with posting(crowd, rate=200):
                took["a busy server"] = await commits()
            await crowd.until_even()
        for writers, seconds in took.items():
            figures("F19", beside=writers, commits=COMMITS, p99_ms=p99_ms(seconds), usual_p99_ms=p99_ms(usual))

    asyncio.run(scenario())
    ledger.check(site)


def p99_ms(seconds: list[float]) -> float:
    return round(1000 * sorted(seconds)[int(0.99 * (len(seconds) - 1))], 1)
