"""Rooms, members, messages, mutes and bans, and tokens in Django's admin. It writes through the services only."""

from chatcore.admin.members import MembershipAdmin
from chatcore.admin.messages import MessageAdmin
from chatcore.admin.rooms import RoomAdmin
from chatcore.admin.sanctions import SanctionAdmin
from chatcore.admin.tokens import TokenAdmin

__all__ = ["MembershipAdmin", "MessageAdmin", "RoomAdmin", "SanctionAdmin", "TokenAdmin"]
