"""Rooms, members and messages in Django's admin. It writes through the services only."""

from chatcore.admin.members import MembershipAdmin
from chatcore.admin.messages import MessageAdmin
from chatcore.admin.rooms import RoomAdmin

__all__ = ["MembershipAdmin", "MessageAdmin", "RoomAdmin"]
