"""Where a tail reads: the database of this machine, or a server elsewhere. What a tail asks of either. Pure."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, ParamSpec, Protocol, Self, TypeVar

from chatcore.events import Gap, Message
from chatcore.exceptions import ChatError

P = ParamSpec("P")
T = TypeVar("T")

#: Events read at once.
PAGE = 500


class RoomLog(NamedTuple):
    """A room's log: whose it is, and where it begins and ends. `id` is the source's own number for the room, `key` the
    room's name as `names.room_key` has it."""

    id: int
    name: str
    key: str
    archived: bool
    last_seq: int
    head: int
    floor: int
    epoch: str


class Run(NamedTuple):
    """Events of one room in a row: `payloads[i]` is the encoded event of rev `prev` + 1 + i."""

    prev: int
    payloads: Sequence[bytes]

    @property
    def head(self) -> int:
        """The rev of the last one."""
        return self.prev + len(self.payloads)


class Logs(Protocol):
    """What is read piece by piece; each call blocks. A ChatError when it cannot be read."""

    def rooms(self) -> list[RoomLog]:
        """The logs of all rooms that we may read, archived ones too."""

    def unknown_room(self, word: str) -> ChatError:
        """That there is no room of this name."""

    def messages_after(self, room: RoomLog, seq: int, limit: int) -> Sequence[Message]:
        """The first messages above this number."""

    def messages_since(self, room: RoomLog, moment: datetime, limit: int) -> Sequence[Message]:
        """The first messages from this moment on."""

    def event_id(self, room: RoomLog, rev: int) -> str | None:
        """The id of the event at this rev, None if it is not there."""

    def floor(self, room: RoomLog) -> int | None:
        """The rev up to which the room's log is pruned by now, None if the room is no more."""


class Source(Protocol):
    """What a tail reads from, in one event loop. Entered, it listens."""

    @property
    def logs(self) -> Logs:
        """What is read piece by piece, by `read`."""

    #: Seconds between two looks for rooms that have come.
    rooms_every: float

    async def __aenter__(self) -> Self:
        """Begin to listen."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `call`, which uses `logs`, returns; in a thread. Unavailable if it cannot be had now."""

    def replay(
        self, room_id: int, after: int, epoch: str, *, page: int, patient: bool
    ) -> AsyncGenerator[Run | Gap, None]:
        """Every event of the room above rev `after` that there is by now, and gaps where history does not go on.

        `epoch` is the history that the caller knows. RoomNotFound when the room is no more. What cannot be read now is
        asked for again, or if not `patient` raises Unavailable.
        """

    def follow(
        self, room_id: int, after: int, epoch: str, whispered: Callable[[bytes], None] | None, page: int
    ) -> AsyncGenerator[Run | Gap, None]:
        """The same, patiently and without end. `whispered` gets what is not of the log, such as typing."""
