"""The disk of the database is full: nothing is stored, that is said, who reads reads on; and later all goes on."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.disks import SmallDisk, needs_small_disk
from tests.acceptance.faults.posting import UNAVAILABLE, Commands
from tests.acceptance.invariants import Ledger
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, SOAK, wait_until

pytestmark = [
    needs_small_disk,
    pytest.mark.slow,
    pytest.mark.fault("F13"),
    pytest.mark.sqlite("a disk that is full of its file"),
]

TEXT = "x" * 3000
MEGABYTES = 4


class SiteOnSmallDisk(ChatSite):
    """Its database lies on the disk, and all of its processes see it."""

    def __init__(self, disk: SmallDisk) -> None:
        super().__init__(env={"CHAT_RATE": "off", "DATABASE_URL": f"sqlite:///{disk.path}/chat.sqlite3"})
        self._disk = disk

    def command(self, *arguments: str) -> list[str]:
        return [*self._disk.entrance, *super().command(*arguments)]


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with SmallDisk(MEGABYTES * 1024 * 1024) as disk:
        yield disk


@pytest.fixture
def site(disk: SmallDisk) -> Iterator[ChatSite]:
    with SiteOnSmallDisk(disk) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


def test_a_full_disk_costs_nothing_that_was_acknowledged_and_a_freed_one_is_used_at_once(
    disk: SmallDisk, site: ChatSite, figures: Callable[..., None]
) -> None:
    alice, bob = site.sign_in("alice", "bob")
    ledger = Ledger()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Reader(site, "newbox", alice) as reader:
            await commands.send("before")
            for turn in range(min(SOAK, 3)):
                disk.fill()
                stored = await until_refused(reader, turn)
                reason = await commands.send("no room", code=UNAVAILABLE)
                assert "the disk is full" in reason
                assert "nothing was stored" in reason
                async with Reader(site, "newbox", bob) as late:  # reading goes on, also for whoever comes now
                    await late.until_seen(min(50, stored))
                assert reader.closed is None
                disk.free()
                began = time.monotonic()
                refused = [reply["client_id"] for reply in reader.replies if reply["type"] == "error"]
                await until_stored(reader, refused[-1])
                await commands.send("there is room again")
                figures("F13", stored_before_it_was_full=stored, goes_on_after_s=round(time.monotonic() - began, 2))
            await reader.until(lambda: len(reader.view.messages) == (reader.view.rev or 0), "all of it")
            ledger.views.append(reader.view)
            there = await asyncio.to_thread(site.manage, "chat_tail", "newbox", "-n", "all", "--no-follow", "--json")
            assert there.stdout.count("\n") == len(reader.view.messages)

    asyncio.run(scenario())
    wait_until(lambda: site.stderr.count("wait: ") == site.stderr.count("go on"), "the clock goes on")
    assert site.stop() == 0
    for part in disk.seen_from_here.glob("chat.sqlite3*"):
        shutil.copy(part, site.var_dir)
    ledger.check(site)


async def until_refused(reader: Reader, turn: int) -> int:
    """Post until there is no room; how many messages the room has then."""
    number = 0
    while not (refused := [reply for reply in reader.replies[-1:] if reply["type"] == "error"]):
        answers = len(reader.replies)
        number += 1
        await reader.send({"type": "send", "message": TEXT, "client_id": f"{turn}-{number}"})
        await reader.until(lambda answers=answers: len(reader.replies) > answers, "an answer")  # type: ignore[misc]
    assert refused[0]["code"] == "unavailable"
    assert "the disk is full" in refused[0]["detail"]
    return len(reader.view.messages)


async def until_stored(reader: Reader, client_id: str) -> None:
    """Send what was refused again, as the page does."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answers = len(reader.replies)
            await reader.send({"type": "send", "message": TEXT, "client_id": client_id})
            await reader.until(lambda answers=answers: len(reader.replies) > answers, "an answer")  # type: ignore[misc]
            if reader.replies[-1]["type"] == "sent":
                return
