"""`--dry-run`: what the services would check, on what is there now, without a lock and without a write."""

from collections.abc import Sequence
from dataclasses import replace

from django.utils import timezone

from chatcli.base import LocalCommand
from chatcli.sending.answers import described
from chatcli.sending.options import Options
from chatcli.sending.posts import longest_text
from chatcore import conf, history
from chatcore.events import Message
from chatcore.exceptions import Forbidden, RoomNotFound
from chatcore.history import Access, RoomView
from chatcore.names import check_room_name, room_key
from chatcore.permissions import NOBODY, Actor, check_create_room, check_delete, check_edit, check_post
from chatcore.services import Post
from chatcore.services.locking import LockedRoom
from chatcore.services.log import described as as_message
from chatcore.services.posts import check_attributes, check_form, check_text

STATUS = "dry-run"


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
        return as_message(post, replace(room, last_seq=-1, head=-1), timezone.now())

    def found(self, name: str, author: Actor) -> Access:
        """The room and what the author is there. RoomNotFound, Forbidden."""
        key = room_key(name)
        if key not in self._known:
            try:
                self._known[key] = history.access(name, author)
            except RoomNotFound:
                if not self._create or _exists(name):
                    raise
                check_create_room(author, history.site_standing(author))
                check_room_name(name)
                new = RoomView(0, name, "", "", False, False, False, None, None, 0, 0, 0, "")
                standing = history.standings([(new.id, author)]).get((new.id, author.id), NOBODY)
                self._known[key] = Access(new, standing)
        return self._known[key]


def _exists(name: str) -> bool:
    """Whether there is such a room, of which the author perhaps must not know."""
    try:
        history.room_named(name)
    except RoomNotFound:
        return False
    return True


def report_posts(command: LocalCommand, options: Options, posts: Sequence[Post]) -> None:
    """One line a room, once all of them would take it."""
    rooms = Rooms(create=options.create)
    for message in [rooms.checked(post) for post in posts]:
        _report(command, options, message, f"{message.room} (dry run: nothing is sent)")


def report_edit(command: LocalCommand, options: Options, author: Actor, text: str) -> None:
    """As `edit_message` checks it."""
    (view, standing), message = _target(options, author, options.edit or 0)
    check_edit(author, view, standing, (message.author.type, message.author.id))
    check_text(text, longest_text(view))
    check_attributes(
        title=options.title, priority=options.priority or 3, tags=options.tags or (), format=options.format or "text",
        url=options.link,
    )  # fmt: skip
    if message.deleted:
        raise Forbidden(f"message #{message.seq} was deleted")
    _report(command, options, message, f"{message.room} #{message.seq} (dry run: nothing is edited)")


def report_delete(command: LocalCommand, options: Options, author: Actor) -> None:
    """As `delete_message` checks it."""
    (view, standing), message = _target(options, author, options.delete or 0)
    check_delete(author, view, standing, (message.author.type, message.author.id))
    if message.deleted:
        raise Forbidden(f"message #{message.seq} was deleted already")
    _report(command, options, message, f"{message.room} #{message.seq} (dry run: nothing is deleted)")


def _target(options: Options, author: Actor, seq: int) -> tuple[Access, Message]:
    found = history.access(options.room or "", author)
    return found, history.message(found.room.id, found.room.name, seq)


def _report(command: LocalCommand, options: Options, message: Message, line: str) -> None:
    command.report(line, described(STATUS, message), json=options.json, verbosity=options.verbosity)
