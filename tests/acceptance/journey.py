"""One client's way through a room's log: in order (I3), whole (I4), every hole announced (I7), the log's own (I2)."""

from collections.abc import Iterator
from typing import Any

from tests.acceptance.clients import ANOTHER_HISTORY, View
from tests.acceptance.contents import StoredRoom


class Journey:
    """Goes once through what the client was sent, beside what is stored."""

    def __init__(self, view: View, room: StoredRoom) -> None:
        self.view, self.room = view, room
        #: The last rev that came, or where the run began: at `joined`. None before it has.
        self.last: int | None = None
        self.joined: int | None = None
        #: Events up to this rev may be missing: they were announced as a hole, or lie before the client's coming.
        self.excused = 0
        #: What these holes, each from above a rev up to another, changed in messages that the client knew, is announced
        #: as missing, too.
        self.holes: list[tuple[int, int]] = []
        #: The ids of the events that came, by rev; those of another history are forgotten.
        self.came: dict[int, str] = {}
        self.found: list[str] = []

    def faults(self) -> list[str]:
        """What is wrong with it."""
        for frame in self.view.frames:
            if frame["type"] == "open":
                self._open()
            elif frame["type"] == "gap":
                self._gap(frame)
            elif frame["type"] in ("message", "edit", "delete"):
                self._event(frame)
        self.found += self._foreign()
        if self.view.here:
            self.found += self._incomplete()
        return self.found

    def _open(self) -> None:
        if self.joined is None and self.view.joined is not None:  # the newest come first, without changes between
            self.joined = self.excused = self.view.joined

    def _gap(self, frame: dict[str, Any]) -> None:
        if frame["reason"] in ANOTHER_HISTORY:
            self.last, self.joined = None, frame["upto"]
            self.came.clear()
            self.excused = frame["upto"]
        self.excused = max(self.excused, frame["upto"])
        self.holes.append((frame["after"], frame["upto"]))

    def _event(self, frame: dict[str, Any]) -> None:
        rev = frame["rev"]
        if self.last is not None and rev <= self.last:
            self.found.append(f"I3 {self.view.name}: {frame['type']} #{frame['seq']} rev {rev} after rev {self.last}")
            return
        begin = max(self.excused, self.joined or 0) if self.last is None else max(self.last, self.excused)
        if rev > begin + 1:
            self.found.append(f"I7 {self.view.name}: rev {rev} follows rev {self.last}, and no gap was announced")
        self.last = rev
        self.came[rev] = frame.get("change_id", frame["id"]).replace("-", "")

    def _foreign(self) -> Iterator[str]:
        """What came is what the log has at that rev."""
        ids = self.room.ids
        for rev, key in self.came.items():
            if rev > self.room.floor and ids.get(rev) != key:
                yield f"I2 {self.view.name}: rev {rev} was {key}, and {ids.get(rev)} is stored"

    def _incomplete(self) -> Iterator[str]:
        """Who is there at the end has all there is since he came, as it is now."""
        last = max(self.last or 0, self.joined or 0, self.excused)
        if self.joined is None:
            yield f"I4 {self.view.name} is connected and was never let in"
        elif last < self.room.head:
            yield f"I4 {self.view.name} has rev {last}, the room {self.room.head}"
        rows = {row.seq: (row.text, row.deleted) for row in self.room.messages}
        changed = self.room.changed() if self.holes else {}
        for seq, seen in self.view.messages.items():
            if seq > self.room.seq_floor and rows.get(seq) != seen and not self._is_in_a_hole(changed.get(seq, 0)):
                yield f"I4 {self.view.name}: #{seq} is shown as {seen}, and {rows.get(seq)} is stored"

    def _is_in_a_hole(self, rev: int) -> bool:
        return any(after < rev <= upto for after, upto in self.holes)
