"""Sockets: who it is, which room, then frame -> service -> reply. See docs/protocol.md."""

from chatcore.consumers.consumer import ChatConsumer, UnknownPath

__all__ = ["ChatConsumer", "UnknownPath"]
