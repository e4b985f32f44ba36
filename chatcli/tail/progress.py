"""How far a tail has come in all its rooms, and the cursor file in which that is kept, if there is one."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from sys import maxsize

from chatcli.tail.cursor import CursorFile, Position
from chatcli.tail.selection import Selection
from chatcli.tail.source import Logs, RoomLog, Source
from chatcli.tail.start import Start, changed, end
from chatcli.tail.tracks import Track

#: At most so many records, and at most the records of so many seconds, are shown again after a sudden death.
STEP = 100
STEP_S = 1.0


class Progress:
    """The rooms on their way. It lives in the event loop; what is slow is done in threads."""

    def __init__(self, selection: Selection, start: Start, until: datetime | None, file: CursorFile | None) -> None:
        """`until`: where the backlog ends at the latest. `file` is ours alone, or None. A ChatError if it is bad."""
        self.tracks: dict[int, Track] = {}
        self._selection, self._start, self._until, self._file = selection, start, until, file
        saved = file.load() if file is not None else None
        self._resumes = saved is not None
        #: What the file says of rooms that are not on their way.
        self._others: dict[str, Position] = saved or {}
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="chat-cursor")
        #: Where all rooms stood when we began.
        self._heads: dict[int, int] = {}
        self._shown = self._saved = 0
        self._moved = False

    async def begin(self, source: Source) -> None:
        """Find the rooms and where to begin in each. RoomNotFound; nothing is printed before."""
        logs = await source.read(source.logs.rooms)
        epochs = {room.epoch for room in logs}
        self._heads = {room.id: room.head for room in logs}
        chosen, unknown = self._selection.rooms(logs, self._others)
        if unknown:
            raise await source.read(source.logs.unknown_room, unknown[0])
        for room in chosen:
            await self._add(source, room, epochs, self._start)

    async def join(self, source: Source) -> AsyncGenerator[Track, None]:
        """The rooms that have come since, from their beginning; without a cursor file those that were only renamed, or
        in the archive, from where they stood when we began. Names are brought up to date."""
        logs = await source.read(source.logs.rooms)
        epochs = {room.epoch for room in logs}
        for room in logs:
            if (track := self.tracks.get(room.id)) is not None:
                track.name, track.key = room.name, room.key
            elif self._selection.takes(room):
                yield await self._add(source, room, epochs, None)

    async def bound(self, source: Source) -> None:
        """Let the rooms' backlogs end where they end now."""
        for room in await source.read(source.logs.rooms):
            if (track := self.tracks.get(room.id)) is not None:
                track.upto = await source.read(end, source.logs, room, self._until)

    @property
    def step(self) -> int:
        """How many events may be shown before the next save."""
        return maxsize if self._file is None else max(1, STEP - (self._shown - self._saved))

    def moved(self, records: int) -> None:
        """Rooms have moved on, with so many records shown."""
        self._moved = True
        self._shown += records

    def drop(self, track: Track) -> None:
        """The room is no more."""
        self.tracks.pop(track.id, None)
        self._moved = True

    async def save(self) -> None:
        """Write the cursor file, if there is one. A ChatError when that fails."""
        shown, self._moved = self._shown, False
        if self._file is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._writing, self._file.save, self.positions())
        self._saved = max(self._saved, shown)

    async def save_step(self) -> None:
        """The same, when so much has been shown that it is due."""
        if self._shown - self._saved >= STEP:
            await self.save()

    async def keep_saving(self) -> None:
        """The same, as often as it is due, without end."""
        while True:
            await asyncio.sleep(STEP_S)
            if self._moved:
                await self.save()

    def close(self) -> None:
        """Write no more."""
        self._writing.shutdown(wait=False)

    def positions(self) -> dict[str, Position]:
        """What the file is to hold. A room goes by its key; one that was renamed out of the selection goes on under
        the key by which it was chosen, so that it will be found again."""
        result = dict(self._others)
        fits = {track: self._selection.matches(track.key) for track in self.tracks.values()}
        for track in sorted(fits, key=fits.__getitem__, reverse=True):
            key = track.key if fits[track] or track.chosen_key in result else track.chosen_key
            result[key] = Position(track.rev, track.event_id, track.epoch)
        return result

    async def _add(self, source: Source, room: RoomLog, epochs: Collection[str], start: Start | None) -> Track:
        key = self._saved_key(room, epochs)
        position = None if key is None else self._others[key]
        track = await source.read(self._track, source.logs, room, position, None if self._resumes else start)
        if key is not None:
            track.chosen_key = key
            del self._others[key]
        self.tracks[track.id] = track
        self._moved = True
        return track

    def _track(self, logs: Logs, room: RoomLog, position: Position | None, start: Start | None) -> Track:
        """Where to begin: at the saved position, else as `start` has it, else at the beginning. Blocks."""
        if position is not None:
            track = Track(room, position.rev, position.epoch, position.id, changed(logs, room, position))
        else:
            rev, gap = (self._first(room), None) if start is None else start.place(logs, room)
            known = self._file is not None and rev > room.floor
            track = Track(room, rev, room.epoch, logs.event_id(room, rev) if known else None, gap)
        track.upto = end(logs, room, self._until)
        return track

    def _first(self, room: RoomLog) -> int:
        """The rev above which a room begins that joins later."""
        return room.floor if self._file is not None else self._heads.get(room.id, room.floor)

    def _saved_key(self, room: RoomLog, epochs: Collection[str]) -> str | None:
        """The file's key for the room: that of its epoch, which it keeps when it is renamed, else its own, unless
        that is another room's."""
        for key, position in self._others.items():
            if position.epoch == room.epoch:
                return key
        namesake = self._others.get(room.key)
        return room.key if namesake is not None and namesake.epoch not in epochs else None
