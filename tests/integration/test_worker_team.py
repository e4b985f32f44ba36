"""Workers as their parent keeps them, with small programs in their place."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from chatcli.workers.asking import asked_on
from chatcli.workers.team import Team
from chatcli.workers.worker import Heritage, Worker, WorkerFailed
from tests.waiting import DEADLINE_S

Launch = Callable[[int], Awaitable[Worker]]


def program(script: str) -> Launch:
    """Start this script of the shell, whose descriptor 3 is what it tells its parent on."""

    async def launch(number: int) -> Worker:
        ours, theirs = os.pipe()
        command = f"exec 3>&{theirs} {theirs}>&-; {script}"
        process = await asyncio.create_subprocess_exec("bash", "-c", command, pass_fds=[theirs])
        os.close(theirs)
        status = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(status), os.fdopen(ours, "rb"))
        return Worker(number, process, status)

    return launch


SERVES = "echo ready >&3; exec sleep 600"


class Kept:
    """A team and what it has said."""

    def __init__(self, launch: Launch) -> None:
        self.said: list[str] = []
        self.pids: Sequence[int] = ()
        self._news = asyncio.Event()
        self.team = Team(1, launch, say=self._say, warn=self._say, changed=self._change, patience=DEADLINE_S)

    @property
    def last(self) -> str:
        return self.said[-1] if self.said else ""

    def _say(self, line: str) -> None:
        self.said.append(line)
        self._news.set()

    def _change(self, pids: Sequence[int]) -> None:
        self.pids = pids
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()


@pytest.mark.slow
def test_a_worker_that_cannot_be_started_is_tried_again_and_no_upgrade_takes_those_that_serve() -> None:
    there = True
    starts = program(SERVES)
    heritage = Heritage([], 0, {})

    async def launch(number: int) -> Worker:
        return await (starts if there else heritage.worker)(number)

    async def check() -> None:
        nonlocal there
        kept = Kept(launch)
        await kept.team.begin()
        try:
            there, (first,) = False, kept.pids
            kept.team.upgrade()
            await kept.until(lambda: "no upgrade" in kept.last)
            assert "worker 1 cannot be started: [Errno 2]" in kept.last
            assert kept.pids == [first]
            os.kill(first, 9)
            await kept.until(lambda: re.search("cannot be started.*again in 2 s", kept.last))
            there = True
            kept.team.upgrade()
            await kept.until(lambda: kept.pids not in ([0], [first]))
        finally:
            await kept.team.stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")  # as while a new one is installed
        asyncio.run(check())


def test_what_is_in_the_way_of_the_workers_sockets_is_only_a_warning(settings: Settings, tmp_path: Path) -> None:
    settings.CHAT_METRICS, settings.CHAT_RUN_DIR = "local", tmp_path
    tmp_path.chmod(0o700)
    (tmp_path / "worker-1-1.sock").mkdir()
    warned: list[str] = []
    with ExitStack() as stack:
        assert asked_on(2, stack, warned.append) == {}
    [line] = warned
    assert line.startswith("/metrics will show one worker at a time: ")


def test_nothing_is_upgraded_once_it_stops() -> None:
    async def check() -> None:
        kept = Kept(program("trap 'sleep 0.1; exit 0' TERM; echo ready >&3; while true; do sleep 0.05; done"))
        await kept.team.begin()
        stopping = asyncio.create_task(kept.team.stop())
        await asyncio.sleep(0)
        kept.team.upgrade()
        await stopping
        assert kept.said == []

    asyncio.run(check())


@pytest.mark.slow
@pytest.mark.parametrize("ready", [True, False])
def test_a_worker_has_ended_though_a_child_of_its_own_lives_on(ready: bool) -> None:
    async def check() -> None:
        worker = await program(f"sleep 5 & {'echo ready >&3;' if ready else ''} echo failed it broke >&3; exit 3")(1)
        async with asyncio.timeout(4):  # seconds
            if ready:
                await worker.ready(print)
                await worker.ended()
            else:
                with pytest.raises(WorkerFailed) as caught:
                    await worker.ready(print)
                assert (caught.value.told, caught.value.exit_code) == (True, 3)
        assert worker.end == f"{worker.name} ended with 3: it broke"

    asyncio.run(check())
