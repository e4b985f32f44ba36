"""Rooms, members, messages, mutes and bans in Django's admin. It writes through the services only."""

from chatcore.admin.members import MembershipAdmin
from chatcore.admin.messages import MessageAdmin
from chatcore.admin.rooms import RoomAdmin
from chatcore.admin.sanctions import SanctionAdmin

__all__ = ["MembershipAdmin", "MessageAdmin", "RoomAdmin", "SanctionAdmin"]
