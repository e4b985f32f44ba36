"""What travels on the channel layer, and the layer itself."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings as django_settings

from chatcore import conf

RING = "roomline.ring"
WHISPER = "roomline.whisper"
PROBE = "roomline.probe"
ECHO = "roomline.echo"
VERSION = 2
#: The group of every server, and of everybody who listens to any room: for what concerns many rooms at once.
ALL = "rooms"
#: Seconds that one call of the layer may take, and the silence after one that failed.
PATIENCE = 2.0
QUIET = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one room in a row: `payloads[i]` is the encoded event of rev `prev` + 1 + i.

    Without payloads it says only that the log has grown to `head`.
    """

    room_id: int
    epoch: str
    prev: int
    head: int
    payloads: Sequence[bytes] = field(default=(), repr=False)


class Layer(Protocol):
    """What we use of a channel layer with groups."""

    async def send(self, channel: str, message: dict[str, Any]) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def new_channel(self) -> str: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...


def group_name(room_id: int) -> str:
    """The group of a room: its number and not its name, which may change and may have any letters."""
    return f"room.{room_id}"


def configured() -> bool:
    """Whether there is a channel layer that reaches other processes and has a broker to reach."""
    backend = getattr(django_settings, "CHANNEL_LAYERS", {}).get("default", {}).get("BACKEND", "")
    if not backend or backend.endswith("InMemoryChannelLayer"):
        return False
    socket = conf.settings.BROKER_SOCKET
    return socket is None or os.path.exists(socket)  # noqa: PTH110  Path's raises for a folder that is closed to us


def channel_layer() -> Layer:
    """The default channel layer; imported late, because a command that has no broker should not pay for it."""
    from channels.layers import get_channel_layer

    layer: Layer | None = get_channel_layer()
    assert layer is not None, "ask configured() first"
    return layer


def line(error: BaseException) -> str:
    """The error on one line, for the log."""
    return str(error).partition("\n")[0] or type(error).__name__
