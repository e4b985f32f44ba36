"""Writes, as verbs. All events leave from here: each function commits, then rings. Only here a transaction opens."""

from chatcore.services.changes import clear_banners, delete_message, edit_message, expire_messages
from chatcore.services.posting import post_messages
from chatcore.services.posts import Post, Posted
from chatcore.services.python import apost, post
from chatcore.services.reading import save_read_marks
from chatcore.services.receipts import answer_delivery, ask_delivery
from chatcore.services.rooms import CreatedRoom, create_room
from chatcore.services.schedule import Appointment, cancel_message, deliver_due, schedule_messages
from chatcore.services.upkeep import forget_keys

__all__ = [
    "Appointment",
    "CreatedRoom",
    "Post",
    "Posted",
    "answer_delivery",
    "apost",
    "ask_delivery",
    "cancel_message",
    "clear_banners",
    "create_room",
    "delete_message",
    "deliver_due",
    "edit_message",
    "expire_messages",
    "forget_keys",
    "post",
    "post_messages",
    "save_read_marks",
    "schedule_messages",
]
