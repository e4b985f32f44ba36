"""What everybody in a room is told at once, as the hub tells it: each reader gets exactly that, whole and in order, up
to where it was cut, whatever it asks in between and however slowly it reads; over TLS too."""

import random
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.certificate import self_signed
from tests.acceptance.echo import fuzz_texts
from tests.acceptance.wire import CLOSE, PING, PONG, TEXT, Wire, masked
from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, SOAK

pytestmark = pytest.mark.runchat("the server of runchat itself")

HOST = "127.0.0.1"
SPEECHES, HEARERS, TEXTS = 2 * SOAK, 12, 80

Connect = Callable[..., Wire]


class Server:
    """`serve_echo` in a process of its own. `tight` and `secure` make connections to it."""

    def __init__(self, folder: Path) -> None:
        certificate, key = self_signed(folder, "localhost")
        self._context = ssl.create_default_context(cafile=str(certificate))
        self._context.check_hostname = False  # it is for names, and this is an address
        self._errors = folder / "stderr"
        with self._errors.open("wb") as stderr:
            command = [sys.executable, "-m", "tests.acceptance.serve_echo", str(certificate), str(key)]
            self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=stderr, text=True)
        assert self._process.stdout is not None
        self._ports = [int(port) for port in self._process.stdout.readline().split()]

    def tight(self, receive_buffer: int | None = None) -> Wire:
        return Wire(HOST, self._ports[0], receive_buffer=receive_buffer)

    def secure(self, receive_buffer: int | None = None) -> Wire:
        return Wire(HOST, self._ports[1], receive_buffer=receive_buffer, tls=self._context)

    def stop(self) -> str:
        """End it; what it complained of."""
        self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=DEADLINE_S)
        assert self._process.returncode == 0, out
        return self._errors.read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("speech"))
    yield server
    complaints = server.stop()
    assert "Traceback" not in complaints, complaints


class Cut(Exception):
    """The server has ended the connection without a word; what was noticed of that."""


class Hearer:
    """One who hears a speech and asks for other things meanwhile, whole or in pieces."""

    def __init__(self, wire: Wire, dice: random.Random, speech: Iterator[str]) -> None:
        self._wire, self._dice, self._speech = wire, dice, speech
        self.heard = self._number = 0
        self._asked: list[str] = []
        self._pinged: list[bytes] = []

    @property
    def waits(self) -> bool:
        """Whether something that was asked has not been answered."""
        return bool(self._asked or self._pinged)

    def ask(self) -> None:
        """For a pong, or for an answer at once or in its turn."""
        match self._dice.choice(["ping", "now", "then", "fragments", "pieces", "many"]):
            case "ping":
                self._pinged.append(b"%d" % self._next())
                self._send(masked(self._pinged[-1], PING))
            case "now":
                self._send(masked(self._question("now", "now")))
            case "then":
                self._send(masked(self._question("echo then", "then")))
            case "fragments":
                question = self._question("now", "now")
                self._send(masked(question[:5], final=False) + masked(question[5:], 0))
            case "pieces":
                frame = masked(self._question("now", "now"))
                cut = self._dice.randrange(1, len(frame))
                self._send(frame[:cut])
                time.sleep(0.001)
                self._send(frame[cut:])
            case "many":
                questions = [self._question("now", "now"), self._question("both", "now", "old")]
                self._send(b"".join(map(masked, [*questions, self._question("echo then", "then")])))

    def hear(self) -> int | None:
        """Read one frame and check it; the code of one that closes."""
        frame = self._wire.receive()
        if frame is None:
            raise Cut(f"after {self.heard} texts, with {len(self._wire.received)} bytes of the next")
        if frame.opcode == CLOSE:
            return frame.close_code
        if frame.opcode == PONG:
            assert frame.payload == self._pinged.pop(0)
        elif frame.opcode == TEXT and frame.payload[:1].isdigit():
            assert frame.payload.decode() == next(self._speech)
            self.heard += 1
        elif frame.opcode == TEXT:
            assert frame.payload.decode() == self._asked.pop(0)
        return None

    def close(self) -> int | None:
        """Say goodbye, and hear what comes before the answer to that; its code."""
        self._send(masked(b"\x03\xe8", CLOSE))
        while (code := self.hear()) is None:
            pass
        assert self._wire.receive() is None
        return code

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _question(self, question: str, *answers: str) -> bytes:
        number = self._next()
        self._asked += [f"{answer} {number}" for answer in answers]
        return f"{question} {number}".encode()

    def _send(self, data: bytes) -> None:
        try:
            self._wire.socket.sendall(data)
        except (ConnectionError, ssl.SSLError) as error:
            raise Cut(f"after {self.heard} texts, writing: {error}") from error


def hearing(connect: Connect, room: int, seed: int) -> str:
    """Hear one speech; how that ended. Every fourth reads slowly and nobody waits for it, the others stay to the end,
    or leave in the middle with a reset, or with a close."""
    dice = random.Random(seed)
    manner = ("stay", "reset", "close", "slow")[seed % 4]
    texts = TEXTS if manner in ("stay", "slow") else dice.randrange(TEXTS)
    with connect(dice.choice([None, 2048, 20_000])) as wire:
        hearer = Hearer(wire.open(f"/{room}"), dice, fuzz_texts(room, TEXTS))
        wire.send("hear" if manner == "slow" else "hear wait")
        try:
            while hearer.heard < texts or (manner == "stay" and hearer.waits):
                if hearer.heard < texts and dice.random() < 0.3:
                    hearer.ask()
                time.sleep(dice.choice((0.005, 0.02) if manner == "slow" else (0, 0, 0.001)))
                if (code := hearer.hear()) is not None:
                    return f"{manner} {code}"
            if manner == "reset":
                wire.reset()
                return "reset"
            return f"{manner} {hearer.close()}"
        except Cut as cut:
            return f"{manner} cut" if manner == "slow" else f"{manner} cut {cut}"


def speaking(connect: Connect, room: int) -> str:
    with connect() as wire:
        wire.open(f"/{room}")
        wire.send(f"speak {room} {TEXTS}")
        return wire.text()


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["tight", "secure"])
def test_all_hear_the_same_whole_and_in_order_up_to_where_they_are_cut(server: Server, transport: str) -> None:
    connect: Connect = getattr(server, transport)
    ends: list[str] = []
    with ThreadPoolExecutor(HEARERS + 1) as people:
        for number in range(SPEECHES):
            room = 2 * number + (transport == "secure")
            seeds = range(room * HEARERS, (room + 1) * HEARERS)
            hearers = [people.submit(hearing, connect, room, seed) for seed in seeds]
            assert people.submit(speaking, connect, room).result() == "said"
            ends += [hearer.result() for hearer in hearers]
    assert {end for end in ends if not end.startswith("slow ")} == {"stay 1000", "close 1000", "reset"}
    assert {end for end in ends if end.startswith("slow ")} <= {"slow 4008", "slow cut", "slow 1000"}
    with connect() as wire:
        wire.open("/after").send("echo fine")
        assert wire.text() == "fine"
