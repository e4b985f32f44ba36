"""Sockets: who it is, which room, then frame -> service -> reply. See docs/protocol.md."""

from chatcore.consumers.consumer import ChatConsumer, UnknownPath
from chatcore.consumers.sign_in import SignIn

__all__ = ["ChatConsumer", "SignIn", "UnknownPath"]
