"""`chat_tail --cursor-file` is ended again and again while messages arrive: none is missing, repeats are bounded."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chatcli.tail.progress import STEP
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, SOAK, wait_until

#: How often it is ended, and how many messages arrive.
ENDS, MESSAGES = (10, 2000) if SOAK > 1 else (3, 300)
#: Seconds between two messages: they shall arrive as long as it is ended and started again.
PAUSE_S = 0.006 if SOAK > 1 else 0.012
#: How long a test of so many processes may take.
PATIENCE_S = DEADLINE_S * (4 if SOAK > 1 else 1)
SENDER = """
import time
from chatcore import services
for number in range(1, {messages} + 1):
    services.post_messages([services.Post("{room}", str(number))])
    time.sleep({pause})
"""
#: What a tail does that meets the worst of texts: its loop hears nothing.
ENDLESS = """
import asyncio, re
from chatcli.tail.ending import catching_signals
async def main():
    with catching_signals(print, True):
        print("looking", flush=True)
        re.search("(a+)+$", "a" * 60 + "!")
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data; no server runs: nothing here needs one."""
    site = ChatSite()
    try:
        assert site.manage("migrate", "-v0").returncode == 0
        yield site
    finally:
        site.close()


def sending(site: ChatSite, room: str, messages: int) -> "subprocess.Popen[str]":
    """A process that posts so many messages into a new room."""
    assert site.manage("create_room", room, "-q").returncode == 0
    return site.popen("shell", "-v0", "-c", SENDER.format(room=room, messages=messages, pause=PAUSE_S))


class Runs:
    """A tail that writes to a file a run, and is started again each time it has been ended."""

    def __init__(self, site: ChatSite, room: str, *options: str) -> None:
        self.site, self.folder = site, site.var_dir / room
        self.folder.mkdir()
        self.cursor = self.folder / "cursor"
        self.command = site.command("chat_tail", room, "--cursor-file", str(self.cursor), "-n", "all", *options)
        self.process: subprocess.Popen[bytes] | None = None
        self.outputs: list[Path] = []

    def start(self, *options: str) -> None:
        self.outputs.append(self.folder / f"run{len(self.outputs)}")
        with self.outputs[-1].open("wb") as stdout, (self.folder / "talk").open("ab") as stderr:
            self.process = subprocess.Popen(
                [*self.command, *options], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env={**self.site.env, "OUTPUT": str(self.outputs[-1])}, cwd="/",
            )  # fmt: skip

    def end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        assert self.process.wait(DEADLINE_S) == -number, (self.folder / "talk").read_text()

    def numbers(self) -> list[list[int]]:
        """What each run has shown, as far as its lines are whole."""
        return [
            [int(json.loads(line)["message"]) for line in path.read_text().split("\n")[:-1]] for path in self.outputs
        ]

    def has(self, number: int) -> bool:
        """Whether that message was shown, or a later one."""
        return any(numbers and numbers[-1] >= number for numbers in self.numbers())

    def through(self, sender: "subprocess.Popen[str]", messages: int, *numbers: signal.Signals) -> list[list[int]]:
        """End it by the signals in turn, again and again, until all that is sent was shown: what each run showed."""
        for end in range(1, ENDS + 1):
            self.start()
            wait_until(partial(self.has, end * messages // (ENDS + 2)), "some messages", PATIENCE_S)
            self.end(numbers[end % len(numbers)])
        self.start()
        wait_until(partial(self.has, messages), "the last message", PATIENCE_S)
        assert sender.wait(DEADLINE_S) == 0
        self.end(signal.SIGTERM)
        self.start("--no-follow")
        assert self.process is not None
        assert self.process.wait(DEADLINE_S) == 0
        runs = self.numbers()
        assert runs.pop() == [], "nothing is left"
        assert (self.folder / "talk").read_text() == ""
        return [numbers for numbers in runs if numbers]


@pytest.mark.slow
def test_killed_it_misses_nothing_and_repeats_at_most_its_last_step(site: ChatSite) -> None:
    sender = sending(site, "killed", MESSAGES)
    seen = 0
    for numbers in Runs(site, "killed", "--json").through(sender, MESSAGES, signal.SIGKILL):
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert seen - STEP < numbers[0] <= seen + 1
        seen = numbers[-1]
    assert seen == MESSAGES


def test_ended_in_order_it_shows_each_message_exactly_once(site: ChatSite) -> None:
    sender = sending(site, "ended", MESSAGES)
    ends = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
    runs = Runs(site, "ended", "--json").through(sender, MESSAGES, *ends)
    assert [text for numbers in runs for text in numbers] == list(range(1, MESSAGES + 1))


@pytest.mark.slow
def test_a_handler_gets_each_at_least_once_and_in_order_though_it_is_killed(site: ChatSite) -> None:
    messages = MESSAGES // 3
    sender = sending(site, "handled", messages)
    # a line at a time: the handler outlives who is killed, and may write while the next run begins
    handler = 'cat >> "$OUTPUT"'
    seen = 0
    for numbers in Runs(site, "handled", "--exec", handler).through(sender, messages, signal.SIGKILL):
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert seen - STEP < numbers[0] <= seen + 1
        seen = numbers[-1]
    assert seen == messages


@pytest.mark.slow
def test_a_handler_that_runs_is_let_finish_and_its_message_does_not_come_again(site: ChatSite) -> None:
    runs = Runs(site, "slow", "--exec", 'test -e "$OUTPUT.go" || { touch "$OUTPUT.on"; sleep 1; }; cat >> "$OUTPUT"')
    sender = sending(site, "slow", 2)
    runs.start()
    wait_until(lambda: Path(f"{runs.outputs[0]}.on").exists(), "the handler")
    runs.end(signal.SIGINT)
    assert sender.wait(DEADLINE_S) == 0
    assert runs.numbers() == [[1]]
    Path(f"{runs.folder}/run1.go").touch()
    runs.start("--no-follow")
    assert runs.process is not None
    assert runs.process.wait(DEADLINE_S) == 0
    assert runs.numbers() == [[1], [2]]


@pytest.mark.slow
def test_a_second_signal_ends_a_handler_too_and_its_message_comes_again(site: ChatSite) -> None:
    runs = Runs(
        site, "hung", "--exec", 'test -e "$OUTPUT.go" || { touch "$OUTPUT.on"; exec sleep 600; }; cat >> "$OUTPUT"'
    )
    assert sending(site, "hung", 1).wait(DEADLINE_S) == 0
    runs.start()
    assert runs.process is not None
    wait_until(lambda: Path(f"{runs.outputs[0]}.on").exists(), "the handler")
    runs.process.send_signal(signal.SIGTERM)
    wait_until((runs.folder / "talk").read_text, "the word that it waits")
    assert (runs.folder / "talk").read_text() == "waiting for --exec to finish; a further signal ends it\n"
    runs.end(signal.SIGTERM)
    Path(f"{runs.folder}/run1.go").touch()
    runs.start("--no-follow")
    assert runs.process.wait(DEADLINE_S) == 0
    assert runs.numbers() == [[], [1]]


@pytest.mark.slow
def test_a_reader_that_does_not_read_keeps_no_signal_waiting(site: ChatSite) -> None:
    sender = sending(site, "stuck", 1)
    assert sender.wait(DEADLINE_S) == 0
    script = "from chatcore import services as s\ns.post_messages([s.Post('stuck', 'x' * 4000) for _ in range(100)])"
    assert site.manage("shell", "-v0", "-c", script).returncode == 0
    reading, writing = os.pipe()
    cursor = site.var_dir / "stuck-cursor"
    command = site.command("chat_tail", "stuck", "-n", "all", "--json", "--cursor-file", str(cursor))
    tail = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing, env=site.env, cwd="/")
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        assert b'"message":"1"' in output.readline()  # and no more of them: the pipe is full
        tail.terminate()
        assert tail.wait(DEADLINE_S) == -signal.SIGTERM
    assert json.loads(cursor.read_bytes())["stuck"]["rev"] == 0, "what nobody has read is not done with"
    reading, writing = os.pipe()
    command = site.command("chat_tail", "stuck", "-n", "all", "--json", "--timeout", "1")
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb") as full:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, env=site.env, cwd="/",
            timeout=DEADLINE_S, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count(b"\n")) == (124, 1), "nor the end of the time"


def test_a_pattern_that_comes_to_no_end_is_ended_by_the_second_signal(site: ChatSite) -> None:
    tail = site.popen("shell", "-v0", "-c", ENDLESS)
    assert tail.stdout is not None
    assert tail.stdout.readline() == "looking\n"

    def ended() -> bool:
        tail.terminate()
        return tail.poll() is not None

    wait_until(ended, "its end")
    assert tail.returncode == -signal.SIGTERM
    tail.communicate()
