"""The promises, I1 to I7 and I10, checked over what every client was sent and what the database holds.

ledger = Ledger()
ledger.views.append(reader.view)      # each client's; `load.Crowd` adds those of its own
ledger.posted("room", 7, "text")      # a command that has exited with 0
ledger.check(site)                    # one AssertionError that names everything that is broken, with evidence
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.clients import View
from tests.acceptance.contents import StoredRoom, stored
from tests.acceptance.journey import Journey
from tests.acceptance.site import ChatSite

#: Of each promise that is broken so many cases are named.
NAMED = 5
#: Control characters that a log must not have: C0 but newline and tab, DEL, C1, and those that turn the direction.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass
class Ledger:
    """What clients and commands were told, over the whole of a test."""

    views: list[View] = field(default_factory=list)
    #: What commands said is stored: room, number, text.
    commands: list[tuple[str, int, str]] = field(default_factory=list)

    def posted(self, room: str, seq: int, text: str) -> None:
        """A command said that this is stored."""
        self.commands.append((room, seq, text))

    def check(self, site: ChatSite, *, excused: Collection[str] = ()) -> None:
        """AssertionError unless every promise was kept, with all that breaks one. The log is that server's.

        `excused`: promises that the test breaks itself, such as I1 by bringing an old copy of the database back.
        """
        found = [fault for fault in self.faults(stored(site), site.stderr) if fault.partition(" ")[0] not in excused]
        assert not found, "\n".join(["promises are broken:", *_shortened(found)])

    def faults(self, rooms: Iterable[StoredRoom], log: str = "") -> list[str]:
        """Everything that breaks a promise; each begins with its name."""
        by_name = {room.name: room for room in rooms}
        homes = {row.id: room.name for room in by_name.values() for row in room.messages}
        found = [fault for room in by_name.values() for fault in _numbers(room)]
        found += _once(self.views, by_name.values())
        found += _commands(self.commands, by_name)
        for view in self.views:
            names = {view.room} | {frame["room"] for frame in view.frames if frame["type"] == "room"}
            found += _secrecy(view, names, homes)
            room = next((by_name[name] for name in names if name in by_name), None)
            if room is not None:
                found += _acks(view, room)
                found += Journey(view, room).faults()
        return [*found, *_log(log)]


def _acks(view: View, room: StoredRoom) -> Iterator[str]:
    rows = {row.seq: row for row in room.messages}
    for frame in view.frames:
        if frame["type"] == "sent" and frame["seq"] > room.seq_floor:
            row = rows.get(frame["seq"])
            if row is None or (row.rev, row.key) != (frame["rev"], frame["client_id"]):
                yield f"I1 {view.name}: {frame} was acknowledged, and {row} is stored"


def _commands(commands: Iterable[tuple[str, int, str]], rooms: dict[str, StoredRoom]) -> Iterator[str]:
    texts = {(room.name, row.seq): row.text for room in rooms.values() for row in room.messages}
    for name, seq, text in commands:
        pruned = name in rooms and seq <= rooms[name].seq_floor
        if not pruned and texts.get((name, seq)) != text:
            yield f"I1 a command stored {name} #{seq} {text!r}, and there is {texts.get((name, seq))!r}"


def _numbers(room: StoredRoom) -> Iterator[str]:
    messages = [row for row in room.messages if row.seq > room.seq_floor]
    seqs = sorted(row.seq for row in messages)
    if seqs != list(range(room.seq_floor + 1, room.last_seq + 1)):
        yield f"I2 {room.name}: numbers {_runs(seqs)} instead of {room.seq_floor + 1}..{room.last_seq}"
    revs = sorted(
        rev for rev in [row.rev for row in room.messages] + [row.rev for row in room.changes] if rev > room.floor
    )
    if revs != list(range(room.floor + 1, room.head + 1)):
        yield f"I2 {room.name}: revs {_runs(revs)} instead of {room.floor + 1}..{room.head}"
    in_order = [row.rev for row in sorted(messages, key=lambda row: row.seq)]
    if in_order != sorted(in_order):
        yield f"I2 {room.name}: messages' numbers and revs are in another order"


def _once(views: Iterable[View], rooms: Iterable[StoredRoom]) -> Iterator[str]:
    answers: defaultdict[tuple[str, str, str], set[int]] = defaultdict(set)
    for view in views:
        author = ""
        for frame in view.frames:
            if frame["type"] == "open":
                author = frame["you"]["id"]
            elif frame["type"] == "sent":
                answers[view.room, author, frame["client_id"]].add(frame["seq"])
    for room in rooms:
        for row in room.messages:
            if row.key is not None:
                answers[room.name, row.author_id, row.key].add(row.seq)
    for (name, author, client_id), seqs in answers.items():
        if len(seqs) > 1:
            yield f"I6 {name}: {client_id!r} of account {author} is {len(seqs)} messages: {sorted(seqs)}"


def _secrecy(view: View, names: Collection[str], homes: dict[str, str]) -> Iterator[str]:
    for frame in view.frames:
        if frame["type"] in ("message", "edit", "delete"):
            home = homes.get(_plain(frame["id"]), view.room)
            if frame["room"] not in names or home not in names:
                yield f"I5 {view.name} is in {view.room} and was sent {_brief(frame)} of {home}"


def _log(text: str) -> Iterator[str]:
    if raw := RAW.search(text):
        yield f"I10 the log has a raw {raw[0]!r}: {text[max(0, raw.start() - 80) : raw.end() + 80]!r}"
    if (at := text.find("Traceback")) >= 0:
        yield f"I10 the log has a traceback: {text[max(0, at - 300) : at + 3000]}"


def _runs(numbers: list[int]) -> str:
    """As `1..5 7..9`; one that is there twice begins a run of its own."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{first}..{last}" for first, last in runs[:20]) or "none"


def _brief(frame: dict[str, Any]) -> str:
    return f"{frame['type']} {frame['room']} #{frame['seq']} rev {frame['rev']}"


def _plain(key: str) -> str:
    return key.replace("-", "")


def _shortened(found: list[str]) -> Iterator[str]:
    by_promise: defaultdict[str, list[str]] = defaultdict(list)
    for fault in found:
        by_promise[fault.partition(" ")[0]].append(fault)
    for promise, faults in sorted(by_promise.items()):
        yield from faults[:NAMED]
        if len(faults) > NAMED:
            yield f"{promise} and {len(faults) - NAMED} more"
