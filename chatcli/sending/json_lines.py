"""A line of `--jsonl` as fields of a Post. Strict in what it writes, deaf to what only a server can say."""

import difflib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from chatcore.events import Message
from chatcore.exceptions import BadRequest


class _Key(NamedTuple):
    """A key that may be written: the Post's field, what it must be, and how that is said."""

    field: str
    accepts: Callable[[Any], bool]
    form: str


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


WRITABLE = {
    "message": _Key("text", _text, "a text"),
    "title": _Key("title", _text, "a text"),
    "priority": _Key("priority", _number, "a whole number"),
    "tags": _Key("tags", _texts, "a list of texts"),
    "format": _Key("format", _text, "a text"),
    "url": _Key("url", _text, "a text"),
    "reply_to": _Key("reply_to", _number, "a whole number"),
    "kind": _Key("kind", _text, "a text"),
    "slot": _Key("slot", _text, "a text"),
    "key": _Key("key", _text, "a text"),
    "expires_at": _Key("expires_at", _text, "a time such as 2026-11-22T18:30:00Z"),
}
#: What `chat_tail --json` prints besides: given by the server, and given anew to what is sent.
IGNORED = frozenset(("type", *Message.__struct_fields__)) - WRITABLE.keys()
#: Lines of `chat_tail --json` that are about the room and hold no message.
_REMARKS = frozenset(("gap", "presence", "typing"))


def fields_of(line: str) -> dict[str, Any] | None:
    """The fields of a Post that the line gives; None for one that holds no message. BadRequest."""
    given = _object(line)
    kind = given.get("type", "message")
    if (isinstance(kind, str) and kind in _REMARKS) or (kind == "message" and given.get("deleted") is True):
        return None
    if kind != "message":
        raise BadRequest(f"it is of type {kind!a}, and only messages can be sent")
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name not in WRITABLE:
            _check_ignored(name)
        elif value is not None:
            fields[WRITABLE[name].field] = _checked(name, value)
    if "text" not in fields:
        raise BadRequest('it has no "message"')
    if "expires_at" in fields:
        fields.update(expires_at=_moment(fields["expires_at"]), lifetime=None)
    if "tags" in fields:
        fields["tags"] = tuple(fields["tags"])
    return fields


def _object(line: str) -> dict[str, Any]:
    try:
        given = json.loads(line, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except RecursionError:
        raise BadRequest("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"it is not JSON ({error.msg} at character {error.pos + 1})") from None
    except ValueError as error:  # a number of thousands of digits
        raise BadRequest(f"it is not JSON ({error})") from None
    if not isinstance(given, dict):
        raise BadRequest("it is no JSON object: write {" + '"message": "text"}')
    return given


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRequest(f"it has the key {twice!a} twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise BadRequest(f"it is not JSON ({name} is no number)")


def _check_ignored(name: str) -> None:
    if name not in IGNORED:
        near = difflib.get_close_matches(name, list(WRITABLE), 1)
        raise BadRequest(f"it has an unknown key {name!a}{f' (did you mean {near[0]}?)' if near else ''}")


def _checked(name: str, value: Any) -> Any:
    if not WRITABLE[name].accepts(value):
        raise BadRequest(f'its "{name}" must be {WRITABLE[name].form}')
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadRequest(f'its "expires_at" must be {WRITABLE["expires_at"].form}')
