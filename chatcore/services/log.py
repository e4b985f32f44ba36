"""The end of the rooms' logs within one transaction: posts are numbered, kept, and written at once."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.utils import timezone

from chatcore import conf, events
from chatcore.bell import Batch
from chatcore.database import connection, rows_of
from chatcore.exceptions import KeyReused, RoomNotFound
from chatcore.history import client_id, html, keyed_messages, unknown_room
from chatcore.history import message as stored_message
from chatcore.models import Change, Message
from chatcore.names import room_key, storable
from chatcore.permissions import NOBODY, Standing, check_post
from chatcore.services.locking import LockedRoom, save_counters
from chatcore.services.mentions import mentioned_in
from chatcore.services.posts import Post, Posted, check_form, digest, expiry, rare_attributes
from chatcore.services.revising import revise
from chatcore.services.rows import insert_rows
from chatcore.services.slots import differs, earlier_message, message_in_slot, revision_of

#: The columns that are written, in the order in which `Log` makes a row; the others begin empty.
_COLUMNS = (
    "id", "room_id", "seq", "rev", "kind", "text", "username", "author_type", "author_id", "author_name", "source",
    "created_at", "expires_at", "key_scope", "key", "key_digest", "slot", "extra",
)  # fmt: skip

#: Room, scope, key.
Key = tuple[int, str, str]


class Log:
    """The rooms of one transaction. `append` each post, then `save`; `batches` is what to ring after the commit."""

    def __init__(self, rooms: Mapping[str, LockedRoom], posts: Sequence[Post]) -> None:
        self._rooms = rooms
        self._taken = _taken_keys(rooms, posts)
        self._mentions = mentioned_in(post.text for post in posts)
        self._fresh: dict[Key, events.Message] = {}
        self._repeats: dict[int, dict[int, events.Message]] = {}
        self._now = timezone.now()
        self._stored_now = _stored(self._now)
        self._rows: list[tuple[Any, ...]] = []
        self._payloads: dict[int, list[bytes]] = {}
        self._limit = conf.settings.MAX_LENGTH
        self._dashed_ids = connection.features.has_native_uuid_field
        self._json: Callable[[Any], Any] = dict if connection.vendor == "postgresql" else json.dumps

    def append(self, post: Post, standing_of: Mapping[tuple[int, str], Standing]) -> Posted:
        """Number the post, or find the message that its key names already; ChatError when it is refused."""
        room = self._rooms.get(room_key(post.room))
        if room is None:
            raise unknown_room(post.room, post.actor)
        try:
            check_post(post.actor, room, standing_of.get((room.id, post.actor.id), NOBODY), post.kind)
        except RoomNotFound:
            raise unknown_room(post.room, post.actor) from None
        check_form(post, room, self._limit)
        if post.key is None:
            return self._known(post, room, None) or Posted(self._write(post, room, None))
        key, request = (room.id, post.scope, post.key), digest(post)
        if key in self._taken:
            return self._repeated(room, key, request)
        if (known := self._known(post, room, request)) is not None:
            if known.outcome == "edited":
                self._taken[key] = known.message.seq, request
            return known
        message = self._write(post, room, request)
        self._taken[key], self._fresh[key] = (message.seq, request), message
        return Posted(message)

    def save(self) -> None:
        """Write what is not written yet."""
        self._write_rows()
        save_counters(self._rooms.values())

    def _write_rows(self) -> None:
        """All rows at once: `bulk_create` costs five times as much a row."""
        if not self._rows:
            return
        insert_rows(Message, _COLUMNS, self._rows)
        self._rows.clear()

    def batches(self) -> list[Batch]:
        """What is to be rung: a batch a room."""
        return [
            Batch(room.id, room.epoch, room.before, room.head, self._payloads[room.id])
            for room in self._rooms.values()
            if room.id in self._payloads
        ]

    def _repeated(self, room: LockedRoom, key: Key, request: str) -> Posted:
        seq, known = self._taken[key]
        if known != request:
            raise KeyReused(key[2], seq)
        return Posted(self._fresh.get(key) or self._repeated_message(room, seq), "duplicate")

    def _repeated_message(self, room: LockedRoom, seq: int) -> events.Message:
        """A message that a key names already; all of the room are read at once."""
        if seq not in self._repeats.get(room.id, {}):
            wanted = [number for (room_id, _, _), (number, _) in self._taken.items() if room_id == room.id]
            self._repeats[room.id] = keyed_messages(room.id, wanted)
        return self._repeats[room.id][seq]

    def _known(self, post: Post, room: LockedRoom, request: str | None) -> Posted | None:
        """What answers the post without a new message: `once`, or the message in its slot."""
        if post.once is None and post.slot is None:
            return None
        self._write_rows()  # of this batch, too
        if (earlier := earlier_message(post, room, self._now)) is not None:
            return Posted(earlier, "suppressed")
        if (held := message_in_slot(post, room, self._now)) is None:
            return None
        if request is None and not differs(held, post):
            return Posted(stored_message(room.id, room.name, held.seq), "duplicate")
        key = None
        if post.key is not None and request is not None:
            key = {"key_scope": post.scope, "key": post.key, "key_digest": request}
        edit = revise(room, held, self._revision(post), post.actor, key)
        self._payloads.setdefault(room.id, []).append(events.encode(edit))
        return Posted(edit, "edited")

    def _revision(self, post: Post) -> dict[str, Any]:
        return {**revision_of(post, self._now), "mentions": self._mentions.get(post.text, [])}

    def _write(self, post: Post, room: LockedRoom, request: str | None) -> events.Message:
        event = described(post, room, self._now)
        if self._mentions:
            event.mentions = self._mentions.get(post.text, [])
        room.last_seq, room.head = event.seq, event.rev
        self._rows.append(self._row(event, post, room.id, request))
        self._payloads.setdefault(room.id, []).append(events.encode(event))
        return event

    def _row(self, event: events.Message, post: Post, room_id: int, request: str | None) -> tuple[Any, ...]:
        """The message as the database's driver takes it."""
        author, extra = event.author, rare_attributes(post)
        if event.mentions:
            extra["mentions"] = event.mentions
        return (
            event.id if self._dashed_ids else event.id.replace("-", ""),
            room_id, event.seq, event.rev, event.kind, event.message, event.username,
            author.type, author.id, author.name, event.source, self._stored_now,
            _stored(event.expires_at) if event.expires_at else None,
            post.scope if post.key is not None else None, post.key, request, post.slot,
            self._json(extra) if extra else None,
        )  # fmt: skip


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def described(post: Post, room: LockedRoom, sent_at: datetime) -> events.Message:
    """The post as the room's next message."""
    return events.Message(
        room=room.name, id=events.new_id(), seq=room.last_seq + 1, rev=room.head + 1, kind=post.kind,
        message=post.text, username=post.actor.username,
        author=events.Author(post.actor.type, post.actor.id, post.actor.name),
        title=post.title, priority=post.priority, tags=list(post.tags), format=post.format, url=post.url,
        reply_to=post.reply_to, slot=post.slot, client_id=client_id(post.source, post.scope, post.key),
        source=post.source, created_at=sent_at, expires_at=expiry(post, sent_at), html=html(post.format, post.text),
    )  # fmt: skip


def _taken_keys(rooms: Mapping[str, LockedRoom], posts: Sequence[Post]) -> dict[Key, tuple[int, str | None]]:
    """The keys of these posts that the log has already, with number and digest, in one query."""
    wanted = {
        (rooms[room_key(post.room)].id, post.scope, post.key)
        for post in posts
        if post.key is not None and storable(post.key) == post.key and room_key(post.room) in rooms
    }
    if not wanted:
        return {}
    quoted = connection.ops.quote_name
    select = " UNION ALL ".join(
        f"SELECT room_id, key_scope, {quoted('key')}, seq, key_digest "  # noqa: S608
        f"FROM wanted CROSS JOIN {quoted(table._meta.db_table)} "
        f"WHERE room_id = of_room AND key_scope = of_scope AND {quoted('key')} = of_key AND {quoted('key')} IS NOT NULL"
        for table in (Message, Change)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"WITH wanted(of_room, of_scope, of_key) AS ({rows_of(wanted)}) {select}", list(chain(*wanted)))
        return {(room_id, scope, key): (seq, request) for room_id, scope, key, seq, request in cursor.fetchall()}
