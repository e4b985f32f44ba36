"""Storing and telling: again after a passing failure, in rooms made by the way, with a ring that holds nobody up."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar, cast

from chatcli import server_record
from chatcli.base import LocalCommand
from chatcli.sending import retries
from chatcli.sending.options import Options
from chatcore import bell, conf, services
from chatcore.actors import Actor
from chatcore.bell import Batch
from chatcore.bell.layer import channel_layer
from chatcore.database import connection
from chatcore.exceptions import RateLimited, RoomNotFound
from chatcore.rates import Buckets, Rate, parsed_rate
from chatcore.services import Post, Posted

T = TypeVar("T")

#: What the people for whom this process sends have spent of CHAT_RATE.
_spent = Buckets()

#: Seconds for which the bell may hold the command up.
RING_S = 1.5


class Ring:
    """What is called with what was committed; `rung` until a ring was not heard."""

    def __init__(self, wait: float = RING_S) -> None:
        """`wait` at most so many seconds for the layer."""
        self.rung = True
        self._wait = wait
        self._latest: dict[int, Batch] = {}
        if bell.configured():
            with suppress(Exception):  # ringing meets it again, and says so
                channel_layer()  # loading it takes longer than delivering: before the message has its time, not after

    def __call__(self, batches: Sequence[Batch]) -> None:
        """Ring."""
        self.rung = bell.ring(batches, wait=self._wait) and self.rung
        self._latest.update((batch.room_id, batch) for batch in batches)

    def heard(self) -> bool:
        """Whether the layer takes a last ring of each room, after rings for which nobody waited."""
        last = [Batch(batch.room_id, batch.epoch, batch.head, batch.head) for batch in self._latest.values()]
        return bell.ring(last, wait=RING_S)


def live(command: LocalCommand, rung: bool) -> str:
    """How far messages have got beyond the disk: `pushed`, `deferred` with a warning, or `none`."""
    runs_here = server_record.live_record() is not None
    if rung or not (runs_here or anywhere()):
        return "pushed" if runs_here else "none"
    command.warn("stored, but the live layer does not answer: open pages get it within seconds, through the log")
    return "deferred"


def anywhere() -> bool:
    """Whether servers of this chat may run on other machines."""
    return conf.settings.BROKER_SOCKET is None


def rate_of(author: Actor) -> Rate | None:
    """How fast this author may send; None, as the system and its bots, as fast as it goes."""
    return parsed_rate(conf.settings.RATE) if author.type == "user" else None


def spend(author: Actor, count: int = 1) -> None:
    """So many messages of the author's rate, which holds within this process. RateLimited."""
    rate = rate_of(author)
    if rate is not None and (wait := _spent.wait(author.id, rate, count)):
        raise RateLimited(wait)


def post_together(posts: Sequence[Post], options: Options, ring: Ring, *, until: float) -> list[Posted]:
    """Store the posts, all or none. ChatError when they are refused, or cannot be stored by `until` (monotonic)."""

    def attempt(seconds: float) -> list[Posted]:
        stored = services.post_messages(posts, together=True, announce=ring, timeout=seconds)
        return cast(list[Posted], stored)  # a refusal is raised

    repeatable = all(post.key is not None or post.slot is not None for post in posts)
    complete = creating_rooms(attempt, options, posts)
    return retrying(complete, options.retry, until=until, repeatable=repeatable)


def creating_rooms(attempt: Callable[[float], T], options: Options, posts: Sequence[Post]) -> Callable[[float], T]:
    """The attempt, and once more for each room that is missing and that `--create` allows to make.

    None is made when one of the posts would be refused there.
    """

    def complete(seconds: float) -> T:
        made: set[str] = set()
        while True:
            try:
                return attempt(seconds)
            except RoomNotFound as missing:
                if not options.create or missing.name in made:
                    raise
                if not made:
                    _check(posts)
                services.create_room(missing.name, existing="keep", actor=posts[0].actor, timeout=seconds)
                made.add(missing.name)

    return complete if options.create else attempt


def _check(posts: Sequence[Post]) -> None:
    from chatcore.services.trial import Rooms

    rooms = Rooms(create=True)
    for post in posts:
        rooms.checked(post)


def retrying(attempt: Callable[[float], T], retry: int, *, until: float, repeatable: bool) -> T:
    """As `chatcli.sending.retries` has it, each time with a connection to the database that works."""

    def renew() -> None:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()

    return retries.retrying(attempt, retry, until=until, repeatable=repeatable, renew=renew)
