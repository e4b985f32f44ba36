"""What travels on the channel layer, and the layer itself."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from chatcore import conf
from chatcore.bell.lost import tell_lost_connections

RING = "roomline.ring"
WHISPER = "roomline.whisper"
PROBE = "roomline.probe"
ECHO = "roomline.echo"
NUDGE = "roomline.nudge"
VERSION = 2
#: The group of every server, and of everybody who listens to any room: for what concerns many rooms at once.
ALL = "rooms"
#: The group that nobody is in.
NOBODY = "nobody"
#: Seconds that one call of the layer may take, and the silence after one that failed: twice as long each time.
PATIENCE = 2.0
_PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
QUIET = 1.0
LONGEST_QUIET = 8.0


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


def layer_setting() -> dict[str, Any] | None:
    """The chat's entry of CHANNEL_LAYERS; without one, what leads to the embedded broker, if there is to be one."""
    layers: dict[str, dict[str, Any]] = getattr(django_settings, "CHANNEL_LAYERS", {})
    if (entry := layers.get(conf.settings.CHANNEL_LAYER)) is not None or conf.settings.BROKER_SOCKET is None:
        return entry
    host = {
        "address": f"unix://{quote(conf.settings.BROKER_SOCKET)}",
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
    }
    return {"BACKEND": _PUBSUB, "CONFIG": {"hosts": [host], "prefix": "roomline"}}


def configured() -> bool:
    """Whether there is a channel layer that reaches other processes and has a broker to reach."""
    backend = (layer_setting() or {}).get("BACKEND", "")
    if not backend or backend.endswith("InMemoryChannelLayer"):
        return False
    socket = conf.settings.BROKER_SOCKET
    return socket is None or os.path.exists(socket)  # noqa: PTH110  Path's raises for a folder that is closed to us


def channel_layer() -> Layer:
    """The chat's channel layer; imported late, because a command that has no broker should not pay for it."""
    from channels.layers import channel_layers

    alias, entry = conf.settings.CHANNEL_LAYER, layer_setting()
    if entry is not None and alias not in channel_layers.configs and alias not in channel_layers.backends:
        channel_layers.set(alias, import_string(entry["BACKEND"])(**entry["CONFIG"]))
    layer: Layer | None = None if entry is None else channel_layers[alias]
    assert layer is not None, "ask configured() first"
    if "redis.asyncio" in sys.modules:
        tell_lost_connections()
    return layer


def line(error: BaseException) -> str:
    """The error on one line, for the log."""
    return str(error).partition("\n")[0] or type(error).__name__
