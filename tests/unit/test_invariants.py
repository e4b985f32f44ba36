"""The checker of the promises finds nothing in a true record, and each way of falsifying one is caught."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.clients import View
from tests.acceptance.contents import StoredChange, StoredMessage, StoredRoom
from tests.acceptance.invariants import Ledger

Frame = dict[str, Any]
Case = tuple[Ledger, list[StoredRoom], list[str]]


def message(seq: int, rev: int, text: str, room: str = "newbox", **other: object) -> Frame:
    return {
        "type": "message", "room": room, "id": f"{room}-{seq}", "seq": seq, "rev": rev, "message": text,
        "deleted": False, **other,
    }  # fmt: skip


def opening(head: int, account: str = "1") -> Frame:
    return {"type": "open", "room": "newbox", "head": head, "epoch": "e", "you": {"id": account}}


def sent(seq: int, rev: int, client_id: str, *, duplicate: bool = False) -> Frame:
    return {"type": "sent", "seq": seq, "rev": rev, "client_id": client_id, "duplicate": duplicate}


def edit(seq: int, rev: int, text: str) -> Frame:
    return {**message(seq, rev, text), "type": "edit", "change_id": f"change-{rev}"}


def gap(reason: str, after: int, upto: int) -> Frame:
    return {"type": "gap", "room": "newbox", "reason": reason, "after": after, "upto": upto, "epoch": "e"}


def view(name: str, *frames: Frame, here: bool = True) -> View:
    seen = View(name=name, room="newbox")
    for frame in frames:
        seen.take(frame)
    seen.here = here
    return seen


#: What the room's log is: 1 and 2 were pruned, 4 was edited.
LOG = [message(3, 3, "c"), message(4, 4, "d"), edit(4, 5, "d!"), message(5, 6, "e")]


def truth() -> Case:
    """Alice was there all the time, Bob came late, Carol came back over a pruned hole, Dave and Gina had the
    limit's gap, Gina one with the change in it."""
    rows = [StoredMessage(3, 3, "newbox3", "c"), StoredMessage(4, 4, "newbox4", "d!"),
            StoredMessage(5, 6, "newbox5", "e", author_id="1", key="k5")]  # fmt: skip
    newbox = StoredRoom("newbox", 6, 5, floor=2, seq_floor=2, messages=rows, changes=[StoredChange(5, "change5", 4)])
    other = StoredRoom("other", 1, 1, messages=[StoredMessage(1, 1, "other1", "secret")])
    alice = view("alice", opening(0), message(1, 1, "a"), message(2, 2, "b"), *LOG, sent(5, 6, "k5"), opening(6))
    bob = view("bob", opening(5, "2"), message(3, 3, "c"), message(4, 4, "d!"), LOG[3])
    carol = view("carol", opening(0), message(1, 1, "a"), opening(2), gap("pruned", 1, 2), *LOG)
    dave = view("dave", opening(0), message(1, 1, "a"), opening(5), gap("limit", 1, 5), message(4, 4, "d!"), LOG[3])
    gina = view("gina", opening(0), message(1, 1, "a"), message(2, 2, "b"), *LOG[:2], opening(6), gap("limit", 4, 6))
    erin = view("erin", opening(9), gap("epoch", 9, 4), message(4, 4, "d"), *LOG[2:])
    frank = view("frank", opening(0), message(1, 1, "a"), here=False)
    ledger = Ledger([alice, bob, carol, dave, erin, frank, gina], [("newbox", 4, "d!"), ("newbox", 1, "a")])
    return ledger, [newbox, other], ["12:00 INFO alice\\x1b[2J came\n"]


def test_a_true_record_breaks_no_promise() -> None:
    ledger, rooms, log = truth()
    assert ledger.faults(rooms, "".join(log)) == []


def without(frame: int) -> Callable[[Case], object]:
    return lambda case: case[0].views[0].frames.pop(frame)


def more(frame: Frame, place: int = 7) -> Callable[[Case], object]:
    return lambda case: case[0].views[0].frames.insert(place, frame)


def stored(number: int, **columns: object) -> Callable[[Case], object]:
    """A row that is another one in the database."""

    def change(case: Case) -> None:
        rows = case[1][0].messages
        for place, row in enumerate(rows):
            if row.seq == number:
                rows[place] = StoredMessage(**{**vars(row), **columns})

    return change


def row(place: int) -> Callable[[Case], object]:
    return lambda case: case[1][0].messages.pop(place)


def set_frame(place: int, **keys: object) -> Callable[[Case], object]:
    def change(case: Case) -> None:
        frames = case[0].views[0].frames
        frames[place] = {**frames[place], **keys}

    return change


FALSIFIED: dict[str, tuple[str, Callable[[Case], object]]] = {
    "what was acknowledged is not stored": ("I1", more(sent(9, 9, "k9"))),
    "what was acknowledged is stored under another rev": ("I1", more(sent(5, 5, "k5"))),
    "what was acknowledged is another one's": ("I1", stored(5, key="another")),
    "what a command stored is not there": ("I1", lambda case: case[0].posted("newbox", 6, "lost")),
    "what a command stored has another text": ("I1", lambda case: case[0].posted("newbox", 3, "C")),
    "a message's row is missing": ("I2", row(1)),
    "the last message's row is missing": ("I2", row(2)),
    "a number is there twice": ("I2", stored(4, seq=3)),
    "a change's row is missing": ("I2", lambda case: case[1][0].changes.clear()),
    "a rev is there twice": ("I2", lambda case: case[1][0].changes.append(StoredChange(6, "x", 3))),
    "numbers and revs are in another order": ("I2", lambda case: (stored(3, rev=4)(case), stored(4, rev=3)(case))),
    "the head is behind the rows": ("I2", lambda case: setattr(case[1][0], "head", 5)),
    "a client was sent another event at a rev": ("I2", set_frame(3, id="another")),
    "a client was sent another change at a rev": ("I2", set_frame(5, change_id="another")),
    "an event came twice": ("I3", more(LOG[3])),
    "events came in another order": ("I3", lambda case: more(without(4)(case), 3)(case)),  # type: ignore[arg-type]
    "the last event has not come": ("I4", without(6)),
    "a client was never let in": ("I4", lambda case: case[0].views.append(view("harry"))),
    "a client shows an old text that no gap explains": (
        "I4",
        lambda case: case[0].views[6].messages.update({3: ("x", False)}),
    ),
    "a client shows an old text": ("I4", lambda case: case[0].views[0].messages.update({4: ("d", False)})),
    "a client shows what was deleted": ("I4", stored(3, text="", deleted=True)),
    "a frame names another room": ("I5", set_frame(3, room="other")),
    "another room's message came under this room's name": ("I5", set_frame(3, id="other-1")),
    "one client_id has two rows": ("I6", stored(4, author_id="1", key="k5")),
    "one client_id was acknowledged under two numbers": ("I6", more(sent(4, 4, "k5", duplicate=True))),
    "an event in the middle has not come": ("I7", without(4)),
    "the first event after the join has not come": ("I7", without(1)),
    "a hole is greater than its gap says": ("I7", lambda case: case[0].views[2].frames.pop(4)),
    "the log has a raw control byte": ("I10", lambda case: case[2].append("\x1b[2J")),
    "the log has a carriage return": ("I10", lambda case: case[2].append("user\rroot")),
    "the log has a traceback": ("I10", lambda case: case[2].append("Traceback (most recent call last):")),
}


@pytest.mark.parametrize("falsehood", FALSIFIED)
def test_a_falsified_record_is_caught(falsehood: str) -> None:
    promise, falsify = FALSIFIED[falsehood]
    case = copy.deepcopy(truth())
    falsify(case)
    ledger, rooms, log = case
    found = {fault.partition(" ")[0] for fault in ledger.faults(rooms, "".join(log))}
    assert promise in found
