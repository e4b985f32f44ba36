"""The command line as posts: who writes, into which rooms, with which attributes."""

from datetime import timedelta
from typing import Any

from chatcli.sending.options import Options
from chatcore import conf, history
from chatcore.actors import SYSTEM, Actor, bot
from chatcore.events import new_id
from chatcore.exceptions import ChatError
from chatcore.names import room_key
from chatcore.services import Post

#: Before the keys that the command makes itself; they are random, so that nobody else has them.
OWN_KEY = "auto:"


class NoRoomYet(ChatError):
    """There is none to which `--all` could refer."""

    code, status, exit_code = "not_found", 404, 3

    def __init__(self) -> None:
        super().__init__("there is no room yet: create one by ./manage.py create_room ROOM")


def author_of(options: Options) -> Actor:
    """Who writes. UserNotFound."""
    if options.as_user is not None:
        return history.user_named(options.as_user)
    return SYSTEM if options.name is None else bot(options.name)


def rooms_of(options: Options, author: Actor) -> list[str]:
    """The names of the rooms, each room once; with `--all` those that the author may know of."""
    if not options.everywhere:
        return list({room_key(name): name for name in (options.room or "").split(",")}.values())
    rooms = [room.name for room in history.rooms_for(author)] if author.is_person else history.room_names()
    if not rooms:
        raise NoRoomYet
    return rooms


def attributes_of(options: Options, author: Actor, *, kind: str) -> dict[str, Any]:
    """The fields of a Post but its room, text and key. `kind` is what the system and its bots send by default."""
    fields = {
        "actor": author, "kind": options.kind or ("message" if author.is_person else kind), "source": "cli",
        "key_scope": "cli", "reply_to": options.reply_to, "slot": options.slot, "once": options.once,
        **looks_of(options),
    }  # fmt: skip
    if options.banner:
        fields["kind"] = "banner"
    if isinstance(options.expire, timedelta):
        fields["lifetime"] = options.expire
    else:
        fields["expires_at"] = options.expire
    return fields


def looks_of(options: Options) -> dict[str, Any]:
    """What of a message an edit can change besides its text: only what was given."""
    given = {
        "title": options.title, "priority": options.priority, "tags": tuple(options.tags or ()) or None,
        "url": options.link, "format": options.format,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def key_for(options: Options) -> str | None:
    """The key that was given; else one of our own where trying again could store the message twice."""
    if options.key is not None or options.slot is not None or not options.retry:
        return options.key
    return OWN_KEY + new_id()


def posts_for(options: Options, author: Actor, text: str, **changes: Any) -> list[Post]:
    """One post a room, all with the same text; `changes` are fields that win over the command line's."""
    fields = {"key": key_for(options), **attributes_of(options, author, kind="announcement"), **changes}
    return [Post(room=room, text=text, **fields) for room in rooms_of(options, author)]


def longest_text(room: history.RoomView) -> int:
    """The room's limit, in characters."""
    return room.max_length or conf.settings.MAX_LENGTH
