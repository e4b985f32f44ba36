"""A request to the API on its way through its operation, and what the operation has of the process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatcore.actors import SYSTEM, Actor
from chatcore.bell import Bell
from chatcore.credentials import Credentials, is_local
from chatcore.exceptions import BadRequest, NotFound
from chatcore.hub import Hub
from chatcore.limits import Limits
from chatcore.writer import Writer

if TYPE_CHECKING:
    from chatcore.api.operations import Operation

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Gone(Exception):
    """The client has left before its request was there."""


@dataclass(slots=True)
class Process:
    """What the operations have of the process that serves them."""

    hub: Hub
    writer: Writer
    bell: Bell
    limits: Limits
    credentials: Credentials
    #: Set when the server begins to stop: who waits or streams ends then.
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    #: What ends each of the streams that are open.
    streams: set[Callable[[], None]] = field(default_factory=set)


@dataclass(slots=True)
class Call:
    """One request on its way through its operation. `query` and `body` are of the operation's Structs."""

    process: Process
    operation: "Operation"
    scope: Scope
    receive: Receive
    send: Send
    parameters: Mapping[str, str]
    #: Who asks, where the operation needs a token; a local peer is the system.
    actor: Actor = SYSTEM
    #: The room of the hook by which it comes.
    hook_room: str = ""
    query: Any = None
    body: Any = None
    #: More headers of the answer, as CORS wants them: for who answers by himself.
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    #: Set by who answers by himself, as soon as he has begun to.
    begun: bool = False

    @property
    def head(self) -> bool:
        """Whether only the answer's headers are asked for."""
        return bool(self.scope["method"] == "HEAD")

    @property
    def local(self) -> bool:
        """Whether it has all rights: it came by the server's own socket, and not by a token."""
        return self.actor.type == "system" and is_local(self.scope)

    @property
    def source(self) -> str:
        """What a message that is posted by it has as `source`."""
        return "cli" if self.local else "http"

    @property
    def room(self) -> str:
        """The room that the path names, in any spelling."""
        return self.parameters["room"]

    @property
    def seq(self) -> int:
        """The message's number that the path names. NotFound."""
        text = self.parameters["seq"]
        if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text)):
            raise NotFound("message", text[:40])
        return int(text)

    @property
    def host(self) -> str | None:
        """The client's address."""
        client = self.scope.get("client")
        return client[0] if client else None

    def header(self, name: bytes) -> str | None:
        """The value of this header (in lower case). BadRequest if it comes twice."""
        return header(self.scope, name)


def header(scope: Scope, name: bytes) -> str | None:
    """The value of this header (in lower case). BadRequest if it comes twice."""
    found: list[bytes] = [value for key, value in scope["headers"] if key == name]
    if len(found) > 1:
        raise BadRequest(f"the header {name.decode()} comes {len(found)} times: send it once")
    if not found:
        return None
    try:
        return found[0].decode().strip()  # as curl sends what is typed, so that a key is what it is to commands
    except UnicodeDecodeError:
        return found[0].decode("latin-1").strip()
