"""Writes, as verbs. All events leave from here: each function commits, then rings. Only here a transaction opens."""

from chatcore.services.changes import clear_banners, delete_message, edit_message, expire_messages
from chatcore.services.members import RoleChange, add_member, join_room, leave_room, remove_member
from chatcore.services.posting import Tell, post_messages
from chatcore.services.posts import Post, Posted
from chatcore.services.presence import forget_leases, save_presence
from chatcore.services.python import apost, post
from chatcore.services.reading import save_read_marks
from chatcore.services.receipts import answer_delivery, ask_delivery
from chatcore.services.rooms import CreatedRoom, archive_room, create_room, restore_room, set_room
from chatcore.services.schedule import Appointment, cancel_message, deliver_due, schedule_messages
from chatcore.services.upkeep import forget_keys

__all__ = [
    "Appointment",
    "CreatedRoom",
    "Post",
    "Posted",
    "RoleChange",
    "Tell",
    "add_member",
    "answer_delivery",
    "apost",
    "archive_room",
    "ask_delivery",
    "cancel_message",
    "clear_banners",
    "create_room",
    "delete_message",
    "deliver_due",
    "edit_message",
    "expire_messages",
    "forget_keys",
    "forget_leases",
    "join_room",
    "leave_room",
    "post",
    "post_messages",
    "remove_member",
    "restore_room",
    "save_presence",
    "save_read_marks",
    "schedule_messages",
    "set_room",
]
