"""What programs ask for that read over HTTP: messages by number and by time, events by rev, when rooms were made."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chatcore import events
from chatcore.events import Gap, History
from chatcore.history import log
from chatcore.history.log import Head
from chatcore.models import Room

#: Above every message's number and every rev.
_END = 2**63 - 1
#: Rooms in one query, well below what a database takes.
_ROOMS_AT_ONCE = 1000


class EventsPage(NamedTuple):
    """Encoded events in a row, which begin above `gap` if there is one, and where the log stands."""

    state: Head
    gap: Gap | None
    payloads: list[bytes]


def messages_within(
    room_id: int,
    room: str,
    limit: int,
    *,
    after: int | None = None,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> History:
    """Up to `limit` messages between these numbers and moments, in order; `more`: there are others within them.

    The oldest of them where a beginning is named (`after`, `since`), else the newest. `since` is the first message
    sent at that moment or later, `until` ends before the first one sent at its moment or later.
    """
    lowest, highest = after or 0, before or _END
    if since is not None:
        lowest = max(lowest, _first_number(room_id, since) - 1)
    if until is not None:
        highest = min(highest, _first_number(room_id, until))
    if after is not None or since is not None:
        found = [found for found in log.messages_after(room_id, lowest, limit + 1) if found.seq < highest]
        page = found[:limit]
    else:
        found = log.messages_before(room_id, highest, limit + 1)
        page = found[-limit:]
    return History(room=room, messages=page, more=len(found) > limit)


def _first_number(room_id: int, moment: datetime) -> int:
    """The number of the first message sent at that moment or later; above all numbers if there is none."""
    found = log.messages_since(room_id, moment, 1)
    return found[0].seq if found else _END


def events_page(
    room_id: int, room: str, limit: int, *, after: int | None = None, event_id: str | None = None, epoch: str | None
) -> EventsPage:
    """Up to `limit` events above rev `after`, or from the oldest one on.

    `event_id` is of the event that the reader had at `after`, `epoch` the history in which: where that does not go on,
    a gap says so and the events begin above it.
    """
    position = 0 if after is None else after
    page = log.events_after(room_id, position, limit)
    reason, upto = _break(room_id, page.state, position, event_id, epoch)
    if reason is None:
        return EventsPage(page.state, None, page.payloads)
    gap = Gap(room=room, reason=reason, after=position, upto=upto, epoch=page.state.epoch)
    page = log.events_after(room_id, upto, limit)
    return EventsPage(page.state, None if after is None else gap, page.payloads)


def _break(room_id: int, state: Head, position: int, event_id: str | None, epoch: str | None) -> tuple[str | None, int]:
    """Why the log does not go on above `position` as the reader knows it, if so, and above which rev it does."""
    if epoch is not None and epoch != state.epoch:
        return "epoch", state.floor
    if position > state.head:
        return "ahead", state.head
    if position < state.floor:
        return "pruned", state.floor
    if event_id is not None and not _is_event(room_id, position, event_id):
        return "history_changed", state.floor
    return None, position


def _is_event(room_id: int, rev: int, event_id: str) -> bool:
    """Whether the event at `rev` is that one, which may go by its message's id; of a pruned one nothing is known."""
    known = log.event_id(room_id, rev)
    if known is None or known == event_id:
        return True
    payloads = log.events_after(room_id, rev - 1, 1).payloads
    return bool(payloads) and events.decode_event(payloads[0]).id == event_id


def created_at(room_ids: Sequence[int]) -> dict[int, datetime]:
    """When these rooms were made; without those that are gone."""
    found: dict[int, datetime] = {}
    for start in range(0, len(room_ids), _ROOMS_AT_ONCE):
        some = Room.objects.filter(pk__in=room_ids[start : start + _ROOMS_AT_ONCE])
        found.update(some.values_list("pk", "created_at"))
    return found
