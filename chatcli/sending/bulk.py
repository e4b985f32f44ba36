"""`--lines` and `--jsonl`: many messages, in the order in which they come, a transaction for all that wait together."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db import connections

from chatcli import server_record
from chatcli.base import LocalCommand
from chatcli.sending.answers import described
from chatcli.sending.lines import Lines
from chatcli.sending.options import Options
from chatcli.sending.posts import attributes_of, author_of, longest_text, rooms_of
from chatcli.sending.run import Done, Draft, Run
from chatcli.sending.storing import Ring, live, post_together, rate_of, spend
from chatcli.sending.texts import standard_input, truncated
from chatcore import history, services
from chatcore.actors import Actor
from chatcore.database import database_file
from chatcore.exceptions import RateLimited
from chatcore.permissions import check_post
from chatcore.services import Post, Posted
from chatcore.services.posts import check_text
from chatcore.services.trial import Rooms

#: Posts in one transaction: others wait for it.
BATCH = 250
#: How long others have the machine and the database to themselves after a full batch, as a part of its time.
REST = 0.3


def post_lines(command: LocalCommand, options: Options) -> None:
    """Post each line of standard input, report each room. LinesRefused with the line when one is refused."""
    stream = standard_input()
    author = author_of(options)
    fields = attributes_of(options, author, kind="notice")
    rooms = _rooms(options, author, fields["kind"])
    run = LocalRun(command, options, rooms, fields)
    rate = rate_of(author)
    most = max(1, (BATCH if rate is None else min(BATCH, int(rate.burst))) // len(rooms))
    with run.progress:
        for batch in Lines(stream).batches(most):
            began = time.monotonic()
            run.take(batch)
            if len(batch) == most:
                time.sleep(REST * (time.monotonic() - began))
    run.finish()


def _rooms(options: Options, author: Actor, kind: str) -> list[history.RoomView]:
    """The rooms, if the author may write there: told before the first line is read."""
    known = Rooms(create=options.create and not options.dry_run)
    found = [known.found(name, author) for name in rooms_of(options, author)]
    for room, standing in found:
        check_post(author, room, standing, kind)
    return [room if room.epoch else _created(room.name, options, author) for room, _ in found]


def _created(name: str, options: Options, author: Actor) -> history.RoomView:
    return services.create_room(name, existing="keep", actor=author, timeout=options.timeout).room


class LocalRun(Run):
    """A run into the database."""

    def __init__(
        self, command: LocalCommand, options: Options, rooms: Sequence[history.RoomView], fields: dict[str, Any]
    ) -> None:
        """`fields` are those of all posts."""
        super().__init__(command, options, [room.name for room in rooms])
        self._own = command
        self._limit = min(map(longest_text, rooms))
        self._fields = fields
        self._ring = Ring(wait=0)
        self._file = database_file()

    def finish(self) -> None:
        """As Run's, and a warning if the servers cannot be told."""
        live(self._own, self._ring.heard())
        super().finish()

    def fitted(self, text: str) -> str:
        """By the rooms' limit."""
        text = truncated(text, self._limit) if self.options.truncate else text
        check_text(text, self._limit)
        return text

    def store(self, drafts: Sequence[Draft]) -> list[Done]:
        """In one transaction."""
        posts = [Post(room=room, **{**self._fields, **draft.fields}) for draft in drafts for room in self.rooms]
        dry, json = self.options.dry_run, self.options.json
        far = "none" if dry or not json or server_record.live_record() is None else "pushed"
        stored = self._checked(posts) if dry else self._stored(posts)
        return [
            Done(
                posted.message.room, posted.outcome, posted.message.seq,
                described("dry-run" if dry else posted.outcome, posted.message, far) if json else {},
            )
            for posted in stored
        ]  # fmt: skip

    def _stored(self, posts: Sequence[Post]) -> list[Posted]:
        if (found := database_file()) != self._file:
            connections.close_all()  # another file lies where ours was: writing on would be into nowhere
            self._file = found
        self._await_turn(posts[0].actor, len(posts))
        return post_together(posts, self.options, self._ring, until=time.monotonic() + self.options.timeout)

    def _await_turn(self, author: Actor, count: int) -> None:
        """Many messages are sent as fast as their author may."""
        while True:
            try:
                return spend(author, count)
            except RateLimited as error:
                time.sleep(error.wait)

    def _checked(self, posts: Sequence[Post]) -> list[Posted]:
        return [Posted(self._preview.checked(post)) for post in posts]

    @cached_property
    def _preview(self) -> Rooms:
        return Rooms(create=False)
