"""Writes, as verbs. All events leave from here: each function commits, then rings. Only here a transaction opens."""

from chatcore.services.changes import delete_message, edit_message
from chatcore.services.posting import post_messages
from chatcore.services.posts import Post, Posted
from chatcore.services.python import apost, post
from chatcore.services.reading import save_read_marks
from chatcore.services.rooms import CreatedRoom, create_room

__all__ = [
    "CreatedRoom",
    "Post",
    "Posted",
    "apost",
    "create_room",
    "delete_message",
    "edit_message",
    "post",
    "post_messages",
    "save_read_marks",
]
