"""What people and programs do in a soak: post, edit, delete, read back; `chat_send`, and a `chat_tail` that goes on."""

import asyncio
import json
import random
import re
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.acceptance.contents import StoredRoom
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.person import Person
from tests.acceptance.site import ChatSite

#: Of a hundred posts so many are edited, and so many deleted, by who posted them.
EDITED, DELETED = 5, 2
COMMAND_EVERY_S, READ_EVERY_S, TAIL_LIVES_S = 2.0, 0.2, (10.0, 40.0)
STORED = re.compile(r"^(\S+) #(\d+)$")


@dataclass
class Commands:
    """`chat_send`, one process after the other; what they said is in the ledger, how they ended is counted."""

    site: ChatSite
    rooms: list[str]
    ledger: Ledger
    ended: Counter[int] = field(default_factory=Counter)

    async def go_on(self, until: float) -> None:
        """Until that moment of `time.monotonic`."""
        number = 0
        while time.monotonic() < until:
            room, text = self.rooms[number % len(self.rooms)], f"command {number}"
            done = await asyncio.to_thread(self.site.manage, "chat_send", room, text, "--key", f"soak {number}")
            self.ended[done.returncode] += 1
            if done.returncode == 0:
                found = STORED.match(done.stdout)
                assert found is not None, done.stdout
                self.ledger.posted(found[1], int(found[2]), text)
            number += 1
            await asyncio.sleep(COMMAND_EVERY_S)


class Tail:
    """`chat_tail` of all rooms with a cursor, ended by SIGTERM and started again; all of it prints into one file."""

    def __init__(self, site: ChatSite, chance: random.Random) -> None:
        self._site, self._chance = site, chance
        self.starts = 0
        self._out = site.var_dir / "tail.jsonl"
        self._process: subprocess.Popen[bytes] | None = None

    async def go_on(self) -> None:
        """Until it is cancelled."""
        while True:
            self.start()
            await asyncio.sleep(self._chance.uniform(*TAIL_LIVES_S))
            await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Where it has stopped."""
        self.starts += 1
        cursor = str(self._site.var_dir / "tail.cursor")
        command = self._site.command("chat_tail", "soak-*", "-n", "all", "--json", "--cursor-file", cursor)
        with self._out.open("ab") as out, self._out.with_suffix(".err").open("ab") as err:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self._site.env, cwd="/"
            )

    def stop(self) -> None:
        """By SIGTERM, of which it dies with its cursor saved."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()

    def start_again(self) -> None:
        """If it does not run."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def errors(self) -> str:
        """What it has said beside its data."""
        return self._out.with_suffix(".err").read_text()

    def faults(self, rooms: list[StoredRoom]) -> list[str]:
        """How what it printed differs from each message once, in order."""
        printed: dict[str, list[int]] = {room.name: [] for room in rooms}
        with self._out.open("rb") as lines:
            for line in lines:
                record = json.loads(line)
                if record["type"] == "message":
                    printed[record["room"]].append(record["seq"])
        return [
            f"I4 chat_tail printed {len(printed[room.name])} messages of {room.name} instead of 1..{room.last_seq}, "
            f"each once and in order"
            for room in rooms
            if printed[room.name] != list(range(1, room.last_seq + 1))
        ]

    def has(self, rooms: list[StoredRoom]) -> bool:
        """Whether it has printed as many messages as there are."""
        with self._out.open("rb") as lines:
            return sum(b'"type":"message"' in line[:40] for line in lines) >= sum(room.last_seq for room in rooms)


async def post(crowd: Crowd, rate: float, until: float, chance: random.Random) -> None:
    """So many posts a second in turns by all, some of which are edited or deleted later; until that moment."""
    while time.monotonic() < until:
        await crowd.post(max(1, int(rate)), rate)
        for kind, share in (("edit", EDITED), ("delete", DELETED)):
            for _ in range(int(rate * share / 100 + chance.random())):
                change(chance.choice(crowd.people), kind, chance)


def change(person: Person, kind: str, chance: random.Random) -> None:
    """Edit or delete one of his latest messages."""
    own = [frame["seq"] for frame in person.view.frames[-200:] if frame["type"] == "sent"]
    if own:
        frame = {"type": kind, "seq": chance.choice(own)}
        person.send({**frame, "message": f"edited {chance.random()}"} if kind == "edit" else frame)


async def read(crowds: list[Crowd], chance: random.Random) -> None:
    """People page back, and say how far they have read; until it is cancelled."""
    while True:
        await asyncio.sleep(READ_EVERY_S)
        person = chance.choice(chance.choice(crowds).people)
        seq = max(person.view.posted[-1:] or [1])
        with suppress(OSError):
            person.send({"type": "history", "before": chance.randint(1, seq + 1), "limit": 50})
            person.send({"type": "ack", "seq": seq})
