"""What the services would check, on what is there now, without a lock and without a write: a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

from chatcore import conf, history
from chatcore.actors import SYSTEM, Actor
from chatcore.events import Message
from chatcore.exceptions import ChatError, Forbidden, RoomNotFound
from chatcore.history import Access, RoomView, unknown_room
from chatcore.names import check_room_name, room_key
from chatcore.permissions import NOBODY, check_create_room, check_delete, check_edit, check_post, check_sight
from chatcore.services.locking import LockedRoom
from chatcore.services.log import described
from chatcore.services.posts import Post, check_attributes, check_form, check_text


class Rooms:
    """The rooms as they are now, each looked up once; with `create` also those that would be made."""

    def __init__(self, *, create: bool) -> None:
        self._create = create
        self._known: dict[str, Access] = {}

    def checked(self, post: Post) -> Message:
        """The post as a message without a number. ChatError if it would be refused now."""
        view, standing = self.found(post.room, post.actor)
        check_post(post.actor, view, standing, post.kind)
        room = LockedRoom(
            view.id, view.name, "", view.private, view.announce_only, view.archived, view.max_length,
            view.last_seq, view.head, view.epoch,
        )  # fmt: skip
        check_form(post, room, conf.settings.MAX_LENGTH)
        return described(post, replace(room, last_seq=-1, head=-1), timezone.now())

    def found(self, name: str, author: Actor) -> Access:
        """The room and what the author is there. RoomNotFound, Forbidden."""
        key = room_key(name)
        if key not in self._known:
            try:
                self._known[key] = seen(name, author)
            except RoomNotFound:
                if not self._create or _exists(name):
                    raise
                check_create_room(author, history.site_standing(author))
                check_room_name(name)
                new = RoomView(0, name, "", "", False, False, False, None, None, 0, 0, 0, "")
                standing = history.standings([(new.id, author)]).get((new.id, author.id), NOBODY)
                self._known[key] = Access(new, standing)
        return self._known[key]


def checked_posts(posts: Sequence[Post], create: bool) -> list[Message]:
    """The posts as messages without numbers, if all of them would be taken now. ChatError with the `index` of one."""
    rooms = Rooms(create=create)
    found = []
    for index, post in enumerate(posts):
        try:
            found.append(rooms.checked(post))
        except ChatError as error:
            error.index = index
            raise
    return found


def checked_edit(room: str, seq: int, text: str, actor: Actor, revision: Mapping[str, Any]) -> Message:
    """The message as it is now, if `edit_message` would edit it. ChatError."""
    view, standing = seen(room, actor)
    message = history.message(view.id, view.name, seq)
    check_edit(actor, view, standing, (message.author.type, message.author.id))
    check_text(text, view.max_length or conf.settings.MAX_LENGTH)
    check_attributes(**revision)
    if message.deleted:
        raise Forbidden(f"message #{message.seq} was deleted")
    return message


def checked_delete(room: str, seq: int, actor: Actor) -> Message:
    """The message as it is now, if `delete_message` would delete it. ChatError."""
    view, standing = seen(room, actor)
    message = history.message(view.id, view.name, seq)
    check_delete(actor, view, standing, (message.author.type, message.author.id))
    if message.deleted:
        raise Forbidden(f"message #{message.seq} was deleted already")
    return message


def seen(name: str, actor: Actor) -> Access:
    """The room and what the actor is in it, if he may know of it: a token that may only write reads nothing there.
    RoomNotFound, Forbidden."""
    if not actor.is_token:
        return history.access(name, actor)
    try:
        found = history.access(name, SYSTEM)
        check_sight(actor, found.room, NOBODY)
    except RoomNotFound:
        raise unknown_room(name, actor) from None
    return Access(found.room, NOBODY)


def _exists(name: str) -> bool:
    """Whether there is such a room, of which the author perhaps must not know."""
    try:
        history.room_named(name)
    except RoomNotFound:
        return False
    return True
