"""A tail's source elsewhere: what there is comes by HTTP, what comes then by a WebSocket for each room."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from chatcli.remote.api import Api
from chatcli.remote.connection import Server
from chatcli.remote.errors import AnswerLost, NoRoomline, Refused, Unreachable
from chatcli.remote.line import LAGGING, TOO_MANY, Ears, Line, connected
from chatcli.remote.logs import ServerLogs
from chatcli.remote.thread import CallingThread
from chatcli.remote.trouble import Pauses, Trouble
from chatcli.tail.source import Run
from chatcore.events import Gap, decode_event
from chatcore.exceptions import RoomNotFound, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds for one answer.
_PATIENCE = 20.0
#: Seconds to wait, at least and at most, when the server says that it was too much.
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 60.0
#: Seconds between two looks at where rooms stand for which there is no socket to be had, and looks before one is
#: asked for again.
_LOOK_EVERY, _LOOKS = 2.0, 15
#: Sockets that are opened at the same time.
_AT_ONCE = 10


@dataclass(slots=True)
class _Place:
    """Where a reader stands: the rev of its last event, in which history; and that event, if known."""

    room: int
    last: int
    epoch: str
    event: bytes | None = None

    @property
    def event_id(self) -> str | None:
        return None if self.event is None else decode_event(self.event).event_id

    def moved(self, item: Run | Gap) -> Run | Gap:
        """Behind it."""
        if isinstance(item, Gap):
            self.last, self.epoch, self.event = item.upto, item.epoch, None
        else:
            self.last, self.event = item.head, item.payloads[-1]
        return item


class RemoteSource:
    """The rooms of a server that the token may read."""

    rooms_every = 2.0

    def __init__(self, server: Server, talk: Callable[[str], None]) -> None:
        """`talk` is told when the connection is lost, and when it is there again."""
        self._server = server
        self._api = Api(server)
        self.logs = ServerLogs(self._ask)
        self._trouble = Trouble(server.name, talk)
        self._answered, self._listed_at = False, 0.0

    async def __aenter__(self) -> Self:
        self._thread = CallingThread()
        self._opening = asyncio.Semaphore(_AT_ONCE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.close()

    def _ask(self, path: str) -> bytes:
        """What the server has there. What may be better the next time is Unavailable."""
        try:
            try:
                answer = self._api.fetch(path, until=time.monotonic() + _PATIENCE)
            except AnswerLost:  # of a connection that was kept, perhaps
                answer = self._api.fetch(path, until=time.monotonic() + _PATIENCE)
        except AnswerLost as error:
            raise Unreachable(f"{self._server.name} did not answer") from error
        except NoRoomline as error:
            if self._answered:  # a server that is being exchanged
                raise Unreachable(str(error)) from error
            raise
        except Refused as refused:
            if refused.status >= 500:
                raise Unavailable(str(refused)) from refused
            raise
        self._answered = True
        return answer

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In the thread that asks. When it was too much, again as soon as the server says."""
        while True:
            try:
                return await self._thread.run(call, *args, **kwargs)
            except Refused as refused:
                if refused.status != 429:
                    raise
                await asyncio.sleep(min(max(refused.wait, _SHORTEST_WAIT), _LONGEST_WAIT))

    async def replay(
        self, room_id: int, after: int, epoch: str, *, page: int, patient: bool
    ) -> AsyncGenerator[Run | Gap, None]:
        """What the log has by now, page by page."""
        async for item in self._missed(_Place(room_id, after, epoch), page, patient):
            yield item

    async def follow(
        self, room_id: int, after: int, epoch: str, whispered: Callable[[bytes], None] | None, page: int
    ) -> AsyncGenerator[Run | Gap, None]:
        """That, and what comes, over one socket after the other."""
        place, pauses = _Place(room_id, after, epoch), Pauses()
        try:
            while True:
                async for item in self._missed(place, page):
                    yield item
                line = await self._line(place, whispered)
                if line is None:
                    await asyncio.sleep(pauses.next())
                    continue
                async with aclosing(self._heard(line, place, page, pauses)) as items:
                    async for item in items:
                        yield item
                if line.code == TOO_MANY:
                    async for item in self._looked(place, page):
                        yield item
                else:
                    self._say_why(line, place, pauses)
                    await asyncio.sleep(pauses.next())
        finally:
            self._trouble.forget(room_id)

    async def _missed(self, place: _Place, page_size: int, patient: bool = True) -> AsyncGenerator[Run | Gap, None]:
        """What the log has after `place`; if `patient`, asked for until there is an answer."""
        pauses = Pauses()
        while True:
            try:
                page = await self.read(self.logs.page, place.room, place.last, place.epoch, place.event_id, page_size)
            except Unavailable as error:
                if not patient:
                    raise
                self._trouble.lost(place.room, str(error))
                await asyncio.sleep(pauses.next())
                continue
            pauses.begin_anew()
            if page.gap is not None:
                yield place.moved(page.gap)
            if page.payloads:
                yield place.moved(Run(place.last, page.payloads))
            if not page.payloads or place.last >= page.head:
                return

    async def _line(self, place: _Place, whispered: Callable[[bytes], None] | None) -> Line | None:
        """A socket to the room; None if there is none to be had."""
        room = self.logs.register.find(place.room)
        if room is None:
            raise RoomNotFound("that was followed")
        named = partial(self.logs.register.rename, place.room)
        ears = Ears(partial(self._trouble.found, place.room), named, whispered)
        try:
            async with self._opening:
                return await connected(self._server, room.name, place.last, place.event_id, place.epoch, ears)
        except Unreachable as error:
            self._trouble.lost(place.room, str(error))
            return None

    async def _heard(
        self, line: Line, place: _Place, page_size: int, pauses: Pauses
    ) -> AsyncGenerator[Run | Gap, None]:
        """What comes over the line until it ends, with what was forgotten read from the log."""
        try:
            while True:
                run = await line.next(place.last)
                if run is not None:
                    pauses.begin_anew()
                    yield place.moved(run)
                elif line.over:
                    return
                else:  # more has come than could wait
                    async for item in self._missed(place, page_size):
                        yield item
        finally:
            await line.close()

    def _say_why(self, line: Line, place: _Place, pauses: Pauses) -> None:
        """Tell of the loss, unless nothing is wrong, or what the server refuses is said when it is asked by HTTP."""
        if line.code != LAGGING and (not isinstance(line.code, str) or pauses.many):
            self._trouble.lost(place.room, line.reason)

    async def _looked(self, place: _Place, page_size: int) -> AsyncGenerator[Run | Gap, None]:
        """What comes for a while, seen by looking."""
        self._trouble.found(place.room)
        for _ in range(_LOOKS):
            await asyncio.sleep(_LOOK_EVERY)
            if await self._stands_elsewhere(place):
                async for item in self._missed(place, page_size):
                    yield item

    async def _stands_elsewhere(self, place: _Place) -> bool:
        """Whether the room has moved, by a list of all rooms that is fetched once for all that are looked at so."""
        now = time.monotonic()
        if now - self._listed_at > _LOOK_EVERY / 2:
            self._listed_at = now
            with suppress(Unavailable):
                await self.read(self.logs.rooms)
        room = self.logs.register.find(place.room)
        return room is None or (room.head, room.epoch) != (place.last, place.epoch)
