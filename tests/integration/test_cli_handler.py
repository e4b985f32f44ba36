"""A shell command for each message, really run."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from chatcli.handler import Handler, HandlerFailed
from tests.unit.hostile import HOSTILE
from tests.unit.sample import message
from tests.waiting import wait_until


def test_a_command_gets_the_message_by_its_input_and_its_environment(tmp_path: Path) -> None:
    text = "a text\nwith 'quotes' and $(touch never) \x1b[31m"
    asyncio.run(Handler(f'cat >{tmp_path}/json; printf %s "$CHATMSG_TEXT" >{tmp_path}/text').run(message(message=text)))
    assert json.loads((tmp_path / "json").read_text())["message"] == text
    assert (tmp_path / "json").read_text().endswith("}\n")
    assert (tmp_path / "text").read_text() == text.replace("\x1b", "\\x1b")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_input_is_exact_whatever_the_text(tmp_path: Path, text: str) -> None:
    asyncio.run(Handler(f"cat >{tmp_path}/json").run(message(message=text)))
    assert json.loads((tmp_path / "json").read_text())["message"] == text


def test_a_long_text_is_whole_on_the_input(tmp_path: Path) -> None:
    text = "世" * 200_000
    asyncio.run(Handler(f'cat >{tmp_path}/json; test -n "$CHATMSG_TEXT"').run(message(message=text)))
    assert json.loads((tmp_path / "json").read_text())["message"] == text


def test_a_command_need_not_read_its_input() -> None:
    asyncio.run(Handler("exit 0").run(message(message="x" * 1_000_000)))


def test_a_command_that_fails_is_tried_again_until_it_does_not(tmp_path: Path) -> None:
    asyncio.run(Handler(f"echo >>{tmp_path}/tries; test $(wc -l <{tmp_path}/tries) -eq 2", 3).run(message()))
    assert (tmp_path / "tries").read_text() == "\n\n"


def test_a_command_that_never_succeeds_ends_it(tmp_path: Path) -> None:
    with pytest.raises(HandlerFailed) as failed:
        asyncio.run(Handler(f"echo >>{tmp_path}/tries; exit 3", 1).run(message()))
    assert str(failed.value).startswith("--exec failed with exit code 3, 2 times, for newbox #42: echo >>")
    assert failed.value.exit_code == 1
    assert (tmp_path / "tries").read_text() == "\n\n"


def test_without_retries_the_first_failure_ends_it() -> None:
    with pytest.raises(HandlerFailed, match="--exec was killed by signal 9, for newbox #42: kill -9"):
        asyncio.run(Handler("kill -9 $$", 0).run(message()))


def test_a_command_that_is_not_there_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HandlerFailed, match="exit code 127"):
        asyncio.run(Handler("no-such-program", 0).run(message()))
    assert "no-such-program" in capfd.readouterr().err, "its stderr is ours"


def test_a_command_that_cannot_be_started_is_a_failure_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIG", "x" * 3_000_000)
    with pytest.raises(
        HandlerFailed, match=r"--exec could not be started \(Argument list too long\), 2 times, for newbox"
    ):
        asyncio.run(Handler("true", 1).run(message()))


def test_its_output_is_ours(capfd: pytest.CaptureFixture[str]) -> None:
    asyncio.run(Handler('echo "$CHATMSG_USERNAME"; echo aside >&2').run(message()))
    assert capfd.readouterr() == ("alice\n", "aside\n")


def test_its_zone_is_that_of_who_called_us(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ROOMLINE_CALLER_TZ", "Asia/Tokyo")
    asyncio.run(Handler('echo "$TZ"').run(message()))
    assert capfd.readouterr().out == "Asia/Tokyo\n"


def test_told_to_stop_it_finishes_and_is_not_tried_again(tmp_path: Path) -> None:
    async def stopped() -> None:
        handler = Handler(f"echo >>{tmp_path}/tries; exit 1", 10)
        running = asyncio.create_task(handler.run(message()))
        await asyncio.to_thread(wait_until, (tmp_path / "tries").exists, "a first try")
        handler.stop()
        with pytest.raises(HandlerFailed):
            await running

    asyncio.run(stopped())
    assert len((tmp_path / "tries").read_text()) <= 2, "the one that went on when it was told"


def test_ctrl_c_at_the_terminal_is_not_for_the_command(tmp_path: Path) -> None:
    asyncio.run(Handler(f"ps -o pgid= -p $$ >{tmp_path}/group").run(message()))
    assert int((tmp_path / "group").read_text()) != os.getpgrp()


@pytest.mark.slow
def test_cancelled_it_leaves_no_process_behind(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; while :; do sleep 1; done"

    async def cancelled() -> None:
        running = asyncio.create_task(Handler(f"({stubborn}) & echo $! >{tmp_path}/pid; wait").run(message()))
        await asyncio.to_thread(wait_until, lambda: written(tmp_path / "pid"), "a process in the background")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not runs(pid), "an end of the process in the background")


def test_cancelled_while_it_starts_it_leaves_no_process_behind(tmp_path: Path) -> None:
    async def cancelled() -> None:
        running = asyncio.create_task(Handler(f"sleep 60 & echo $! >{tmp_path}/pid; wait").run(message()))
        for _ in range(3):
            await asyncio.sleep(0)
        wait_until(lambda: written(tmp_path / "pid"), "a process, of which the loop has heard nothing yet")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not runs(pid), "an end of the process in the background", 5)


def written(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is not only waiting for who started it."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")
