"""One feed a room a process, and the sockets that stand at its head: each event is encoded and framed once."""

from chatcore.hub.census import Census
from chatcore.hub.hub import Hub
from chatcore.hub.room import RoomHub
from chatcore.hub.sweep import Sweep
from chatcore.hub.visitor import Visitor

__all__ = ["Census", "Hub", "RoomHub", "Sweep", "Visitor"]
