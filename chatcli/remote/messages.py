"""The command line as the API's JSON: what is sent, into which rooms, under which key."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chatcli.remote.api import Api
from chatcli.remote.errors import NoRoomline
from chatcli.sending.options import Options
from chatcore.exceptions import BadRoomName, BadText, NotFound
from chatcore.names import check_room_name, room_key

#: Before the keys that the command makes itself; they are random, so that nobody else has them.
OWN_KEY = "auto:"
#: Messages that the API takes together.
MOST = 256
#: Characters above which a text that may be cut is cut before it is sent: no server takes so many.
LONGEST = 250_000
#: A field of a Post, by the API's name for it.
_NAMES = {"text": "message", "kind": "kind", "title": "title", "priority": "priority", "tags": "tags",
          "format": "format", "url": "url", "reply_to": "reply_to", "slot": "slot", "key": "key"}  # fmt: skip


def rooms_of(api: Api, options: Options, *, until: float) -> list[str]:
    """The names of the rooms, each room once; with `--all` those that the token may know of. NotFound."""
    if not options.everywhere:
        names = {room_key(name): name for name in (options.room or "").split(",")}
        return [checked_name(name) for name in names.values()]
    found = api.call("GET", "rooms", until=until).content.get("rooms")
    if not isinstance(found, list):
        raise NoRoomline(f"{api.server.name} does not say which rooms there are")
    names_there = [room["name"] for room in found if isinstance(room, dict) and isinstance(room.get("name"), str)]
    if not names_there:
        raise NotFound("room", "yet", hint=" that may be written to")
    return names_there


def checked_name(name: str) -> str:
    """The name, if a room can have it: it becomes a part of an address. NotFound."""
    try:
        check_room_name(name)
    except BadRoomName as error:
        raise NotFound("room", name, hint=f": {error}") from None
    return name


def fields_of(options: Options, *, kind: str) -> dict[str, Any]:
    """What all the messages have, but for room, text and key. `kind` is what is sent by default."""
    fields: dict[str, Any] = {
        "kind": "banner" if options.banner else options.kind or ("message" if options.as_user else kind),
        "username": options.name, "as": options.as_user, "reply_to": options.reply_to, "slot": options.slot,
        "once": options.once and options.once.total_seconds(), **looks_of(options),
    }  # fmt: skip
    if isinstance(options.expire, timedelta):
        fields["expires_in"] = options.expire.total_seconds()
    elif options.expire is not None:
        fields["expires_at"] = options.expire.isoformat()
    if options.at is not None or options.delay is not None:
        fields["at"] = (options.at or datetime.now(UTC) + (options.delay or timedelta())).isoformat()
    return given(fields)


def looks_of(options: Options) -> dict[str, Any]:
    """What of a message an edit can change besides its text: only what was given."""
    looks = {
        "title": options.title, "priority": options.priority, "tags": options.tags or None,
        "url": options.link, "format": options.format,
    }  # fmt: skip
    return given(looks)


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is None."""
    return {name: value for name, value in fields.items() if value is not None}


def of_line(fields: dict[str, Any]) -> dict[str, Any]:
    """A line's fields, which are a Post's, by the API's names; without the times at which the message ends."""
    named = {_NAMES[name]: value for name, value in fields.items() if name in _NAMES}
    if fields.get("expires_at") is not None:
        named["expires_at"] = fields["expires_at"].isoformat()
    return named


def key_for(options: Options) -> str | None:
    """The key that was given; else one of our own, under which a lost answer can be asked for again."""
    if options.key is not None or (options.slot is not None and options.wait is None):
        return options.key
    return own_key()


def own_key() -> str:
    """A key that nobody else has."""
    return f"{OWN_KEY}{time.time_ns():x}-{os.urandom(12).hex()}"


def messages(rooms: Sequence[str], text: str, key: str | None, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """One message a room, all with the same text. BadText."""
    check_text(text)
    return [given({"room": room, "message": text, "key": key, **fields}) for room in rooms]


def check_text(text: str) -> None:
    """BadText for what JSON in UTF-8 cannot carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadText("the text has half of a surrogate pair in it: send whole characters") from None
