"""One room in one process. A socket catches up from the log to the kept tail and enters in one step;
from then on it costs one write a batch."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import NamedTuple

from chatcore import events, history, metrics
from chatcore.actors import Actor
from chatcore.bell import Batch
from chatcore.events import Gap, Open, Present, You, refusal
from chatcore.exceptions import ChatError, RoomNotFound
from chatcore.feed import PAGE, Lookout, follow
from chatcore.frames import Hello
from chatcore.history import Access, Page, RoomView
from chatcore.history.presence import People
from chatcore.history.signed_in import Ticket
from chatcore.hub.attendance import Attendance
from chatcore.hub.reads import SharedReads
from chatcore.hub.tail import Tail
from chatcore.outlets import Encoded, Outlet, for_plain_clients

logger = logging.getLogger(__name__)

Write = Callable[[bytes], None]
#: Takes what the room is by now, what its person may do in it, and who that is.
Renew = Callable[[Access, Actor], None]

#: A joiner that lacks no more events than these gets them in the step that makes it live.
_LAST_STEP = 100
_RECONNECT = 4008
#: What somebody sees first who has seen nothing.
FIRST_MESSAGES = 50


class _Visit(NamedTuple):
    number: int
    actor: Actor
    renew: Renew
    ticket: Ticket | None


class RoomHub:
    """`last` is the rev at which all sockets of the room stand."""

    def __init__(self, lookout: Lookout, view: RoomView, forget: Callable[["RoomHub"], None]) -> None:
        self.id, self.name, self.epoch, self.last = view.id, view.name, view.epoch, view.head
        self.attendance = Attendance(view.name)
        self._lookout = lookout
        self._forget = forget
        self._full: dict[Outlet, Write | None] = {}
        self._plain: dict[Outlet, Write | None] = {}
        self._visitors: dict[Outlet, _Visit] = {}
        self._visits = count()
        self._closing: set[asyncio.Task[None]] = set()
        self._floor, self._tail = view.floor, Tail(view.head)
        self._reads = SharedReads(lookout, view.id)
        self._loop = asyncio.get_running_loop()
        self._moved = self._loop.create_future()
        self.task = self._loop.create_task(self._run())

    def visit(self, outlet: Outlet, actor: Actor, renew: Renew, ticket: Ticket | None = None) -> None:
        """Somebody is about to enter: stay for him. `renew` is called when he is to know more of the room. `ticket` is
        what he came in by, where that can end."""
        self._visitors[outlet] = _Visit(next(self._visits), actor, renew, ticket)

    @property
    def visitors(self) -> dict[int, Actor]:
        """Everybody who has a socket here, each once, by the number of his latest one; for any thread."""
        latest = {visit.actor.label: visit for visit in list(self._visitors.values())}
        return {visit.number: visit.actor for visit in latest.values()}

    @property
    def sockets(self) -> dict[str, int]:
        """How many are live, by what they understand, and how many catch up; for any thread."""
        full, plain = list(self._full), len(self._plain)
        streams = sum(outlet.is_stream for outlet in full)
        entering = max(0, len(self._visitors) - len(full) - plain)
        return {"full": len(full) - streams, "plain": plain, "stream": streams, "entering": entering}

    @property
    def tickets(self) -> set[Ticket]:
        """What people here came in by; for any thread."""
        return {visit.ticket for visit in list(self._visitors.values()) if visit.ticket is not None}

    def holds(self, outlet: Outlet) -> bool:
        """Whether this visitor is here, neither gone nor shown out."""
        return outlet in self._visitors

    def renew(self, visitor: str, access: Access, actor: Actor) -> None:
        """Tell all sockets of this visitor (`Actor.label`) what the room is now, and what he may do here."""
        if access.room.name != self.name:
            self.name = self.attendance.room = access.room.name
            self._tail, self._reads = Tail(self.last), SharedReads(self._lookout, self.id)  # they name the room
        for visit in [visit for visit in self._visitors.values() if visit.actor.label == visitor]:
            visit.renew(access, actor)

    def show_out(self, visitor: str, error: ChatError) -> None:
        """Tell all sockets of this visitor (`Actor.label`) why he may not be here any more, and close them."""
        self._end([outlet for outlet, visit in self._visitors.items() if visit.actor.label == visitor], error)

    def sign_out(self, tickets: Collection[Ticket], error: ChatError) -> None:
        """Tell all sockets that came in by one of these that it holds no more, and close them."""
        self._end([outlet for outlet, visit in self._visitors.items() if visit.ticket in tickets], error)

    def _end(self, outlets: Sequence[Outlet], error: ChatError) -> None:
        for outlet in outlets:
            self._full.pop(outlet, None)
            self._plain.pop(outlet, None)
            del self._visitors[outlet]
            metrics.refused(error.code)
            outlet.live(Encoded.of([events.encode(refusal(self.name, error.code, error.detail))]))
            task = self._loop.create_task(outlet.close(error.close_code))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def leave(self, outlet: Outlet) -> None:
        """The counterpart of `visit`; the last one to leave puts out the light."""
        self._full.pop(outlet, None)
        self._plain.pop(outlet, None)
        self._visitors.pop(outlet, None)
        if not self._visitors:
            self.stop()

    def stop(self) -> None:
        """Follow the room no more."""
        self._forget(self)
        self.task.cancel()

    def enter_plain(self, outlet: Outlet) -> None:
        """A plain client: messages from now on."""
        self._plain[outlet] = outlet.write

    def whisper(self, payload: bytes) -> None:
        """Something fleeting for all full clients here."""
        self._write(self._full, Encoded.of([payload]))

    def attend(self, people: People) -> None:
        """Tell who has come and gone."""
        news = self.attendance.news(people)
        if news is not None:
            self.whisper(events.encode(news))

    async def reached(self, rev: int) -> int:
        """How many sockets are live, as soon as the room has got there."""
        while self.last < rev and not self.task.done():
            await asyncio.shield(self._moved)
        return len(self._full) + len(self._plain)

    async def admit(
        self, outlet: Outlet, hello: Hello, opening: Callable[[int, str], Open], newest: int = FIRST_MESSAGES
    ) -> None:
        """A full client: `open`, what it missed (or a `gap` and the newest), then live: no gap and no repeat.

        `newest`: so many messages at most for who begins anew. `opening` makes the `open` event for the rev and the
        epoch at which the room stands.
        """
        position, reason = await self._position(hello)
        begin = self.last
        opened = opening(begin, self.epoch)
        self._forget_below(opened.floor)
        opened.banner = await self._reads.banner(begin)
        outlet.backlog(Encoded.of([events.encode(opened)]))
        if reason is not None:
            outlet.backlog(self._gap(reason, hello.after or 0, begin))
        if position is None:
            position = begin
            outlet.backlog(Encoded.of(await self._reads.newest(begin, newest)))
            await outlet.drained()
        await self._enter(outlet, position)
        if (here := self.attendance.whole(_present(opened.you))) is not None:
            outlet.live(Encoded.of([events.encode(here)]))

    def _forget_below(self, floor: int) -> None:
        """What was pruned since it was kept here is nobody's to read any more."""
        if floor > self._floor:
            self._floor = floor
            self._tail, self._reads = Tail(self.last), SharedReads(self._lookout, self.id)

    async def _position(self, hello: Hello) -> tuple[int | None, str | None]:
        """The rev at which the client stands, None for one that begins anew; why its run breaks, if it does."""
        after = hello.after
        if after is None:
            return None, None
        if hello.epoch is not None and hello.epoch != self.epoch:
            return None, "epoch"
        if after > self.last and not await self._reached(after):
            return None, "ahead"
        if hello.id is not None and not await self._is_event(after, hello.id):
            return None, "history_changed"
        if self.last - after > hello.limit:
            return None, "limit"
        return after, None

    async def _reached(self, rev: int) -> bool:
        """Whether the log has got there; if so, wait until this hub has, too."""
        state = (await self._lookout.read(history.heads, [self.id])).get(self.id)
        if state is None or state.head < rev:
            return False
        self._lookout.heard(Batch(self.id, self.epoch, self.last, state.head))
        while self.last < rev:
            await asyncio.shield(self._moved)
        return True

    async def _is_event(self, rev: int, event_id: str) -> bool:
        """Whether the event at `rev` is that one; what was pruned cannot be told and counts as the same.

        A client may name a change by its message.
        """
        known = await self._reads.event_id(rev)
        if known is None or known == event_id:
            return True
        page = await self._page(rev - 1)
        return bool(page.payloads) and events.decode_event(page.payloads[0]).id == event_id

    async def _enter(self, outlet: Outlet, position: int) -> None:
        """Page by page from the log up to the tail; the rest, and going live, in one step without an await."""
        while position < self._tail.start or self.last - position > _LAST_STEP:
            if position >= self._tail.start:
                payloads = self._tail.above(position, PAGE)
            else:
                page = await self._page(position)
                if page.state.floor > position:
                    outlet.backlog(self._gap("pruned", position, page.state.floor))
                    position = page.state.floor
                    continue
                payloads = page.payloads[: self.last - position]  # what the room has not delivered yet comes live
                if not payloads:
                    raise ChatError("this room's log lacks events: ask the people who run this site")
            outlet.backlog(Encoded.of(payloads))
            position += len(payloads)
            await outlet.drained()
        outlet.backlog(Encoded.of(self._tail.above(position, _LAST_STEP)))
        if outlet in self._visitors:
            self._full[outlet] = outlet.write

    async def _page(self, position: int) -> Page:
        """A page of the log above `position`; one that reaches the tail becomes a part of it."""
        metrics.catchup_pages.add()
        page = await self._reads.page(position)
        start = self._tail.start
        if position < start <= position + len(page.payloads):
            self._tail.prepend(Batch(self.id, self.epoch, position, start, page.payloads[: start - position]))
        return page

    async def _run(self) -> None:
        try:
            async for item in follow(self._lookout, self.id, self.last, self.epoch, self.whisper):
                if isinstance(item, Gap):
                    break  # the log is not what it was: everybody comes back and is told so
                self._deliver(item)
        except RoomNotFound:
            pass  # they come back, perhaps to another one of that name, or are told that there is none
        except Exception:
            logger.exception("room %s cannot be followed; its sockets are asked to come back", self.id)
        self._forget(self)
        closing = [outlet.close(_RECONNECT) for outlet in self._visitors]
        await asyncio.gather(*closing, return_exceptions=True)

    def _deliver(self, batch: Batch) -> None:
        self.last = batch.head
        if all(map(events.is_message, batch.payloads)):
            self._tail.append(batch)
        else:
            self._tail = Tail(batch.head)  # who joins later reads the present text, not what was edited or deleted
        encoded = Encoded.of(batch.payloads)
        metrics.events_delivered.add(len(batch.payloads))
        self._write(self._full, encoded)
        if self._plain:
            plain = for_plain_clients(encoded)
            if plain.payloads:
                self._write(self._plain, plain)
        self._moved.set_result(None)
        self._moved = self._loop.create_future()

    def _write(self, outlets: dict[Outlet, Write | None], encoded: Encoded) -> None:
        """To each of them: what is done here is done as often as there are people, so it is one call."""
        frames = encoded.frames
        metrics.deliveries.add(len(outlets))
        for outlet, write in outlets.items():
            try:
                if write is not None:
                    write(frames)
                else:
                    outlet.live(encoded)
            except Exception:  # one socket's trouble is not the others'
                logger.exception("a socket of room %s failed", self.id)

    def _gap(self, reason: str, after: int, upto: int) -> Encoded:
        gap = Gap(room=self.name, reason=reason, after=after, upto=upto, epoch=self.epoch)
        return Encoded.of([events.encode(gap)])


def _present(you: You) -> Present | None:
    return Present(you.id, you.name, you.username) if you.type == "user" else None
