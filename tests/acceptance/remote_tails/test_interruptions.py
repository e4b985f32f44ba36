"""`roomline tail` through all that may break between it and the rooms: every number once, and a line of talk for each
loss and each return."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.faulty_network import FaultyNetwork
from tests.acceptance.http_api.guest import Guest
from tests.acceptance.remote_tails.tails import Tail, environment, roomline
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow

NUMBERS = itertools.count(1)


class Room:
    """What was said in newbox."""

    def __init__(self, site: ChatSite, guest: Guest) -> None:
        self.site, self.guest = site, guest
        self.said: list[str] = []

    def post(self, count: int) -> None:
        """By the server."""
        for _ in range(count):
            text = f"text {next(NUMBERS)}"
            assert self.guest.post("newbox", text).status == 201
            self.said.append(text)

    def put(self, count: int) -> None:
        """Into the database, without the server."""
        texts = [f"text {next(NUMBERS)}" for _ in range(count)]
        done = self.site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(texts))
        assert done.returncode == 0, done.stderr
        self.said += texts


def is_lost(tail: Tail) -> bool:
    """Whether it said last that it lost the connection. Of each loss and of each return it speaks once."""
    lost = ["no connection to" in line for line in list(tail.talk)]
    assert lost == [number % 2 == 0 for number in range(len(lost))], tail.talk
    return len(lost) % 2 == 1


@pytest.mark.fault("F20")
def test_every_number_once_through_three_restarts_and_a_cut_network(
    site: ChatSite, guest: Guest, way: list[str], tmp_path: Path
) -> None:
    room = Room(site, guest)
    room.put(600)
    cursor = str(tmp_path / "cursor")
    with FaultyNetwork(site.host, site.port) as network:
        through = ["--server", f"http://{network.host}:{network.port}", *way[2:]]
        with Tail(site, "newbox", "-n", "all", "--cursor-file", cursor, *through) as tail:
            tail.until(room.said)
            for end in (site.stop, site.kill, site.stop):
                wait_until(lambda: not is_lost(tail), f"the connection: {tail.talk}")
                end()
                room.put(3)
                site.start()
                room.post(20)
                tail.until(room.said)
            network.refusing = True
            network.reset()
            wait_until(lambda: is_lost(tail), f"the loss: {tail.talk}")
            room.post(600)  # more than comes over a socket
            network.refusing = False
            tail.until(room.said)
            room.post(5)
            tail.until(room.said)
            wait_until(lambda: not is_lost(tail), f"the return: {tail.talk}")
            network.hold()
            room.post(5)
            network.release()
            tail.until(room.said)
            tail.stop()
            room.post(3)
        with Tail(site, "newbox", "--cursor-file", cursor, *through) as again:
            again.until(room.said[-3:])
            again.stop()


def test_a_reader_that_is_slow_gets_all_of_it_and_hears_of_no_loss(
    site: ChatSite, guest: Guest, way: list[str]
) -> None:
    before = guest.post("newbox", "the last one before").json["message"]["seq"]
    command = roomline("tail", "newbox", "--json", "--after", str(before), "--count", "4001", *way)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(site), cwd="/")
    assert process.stdout is not None
    guest.post("newbox", "the first one")
    assert json.loads(process.stdout.readline())["message"] == "the first one"
    for part in range(4):  # more than pipes, sockets and the tail itself hold
        lines = "\n".join(f"{part} {number} {'x' * 1000}" for number in range(1000))
        assert site.manage("chat_send", "-q", "newbox", "--lines", input=lines).returncode == 0
    out, err = process.communicate(timeout=DEADLINE_S)
    assert [json.loads(line)["seq"] for line in out.splitlines()] == list(range(before + 2, before + 4002))
    assert (process.returncode, err) == (0, b"")
