"""JSON from outside, read strictly: what msgspec takes, but for a key that comes twice. Pure."""

import json
from typing import Any

import msgspec


class NotStrict(ValueError):
    """This is no JSON (RFC 8259), or has a key twice: what is wrong with it, if more can be said than that."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


def _check_keys(pairs: list[tuple[str, object]]) -> None:
    """Refuse a key that comes twice (RFC 8259, section 4): msgspec would silently take the last one."""
    known: set[str] = set()
    for key, _ in pairs:  # of which a client may send very many
        if key in known:
            raise NotStrict(f"the key {key[:40]!a} comes twice")
        known.add(key)


#: Reads for `_check_keys` only, in several times the time.
_keys = json.JSONDecoder(object_pairs_hook=_check_keys)


def check(text: str) -> None:
    """NotStrict unless it is JSON without a key that comes twice."""
    try:
        _keys.decode(text)
    except NotStrict:
        raise
    except (ValueError, RecursionError) as error:
        raise NotStrict from error


def is_surely_strict(body: bytes) -> bool:
    """Whether no key comes twice, told in little time: each key has a colon of its own, texts have those that are in
    them, and there are no more. False if it is not clear."""
    if b"\\u003a" in body or b"\\u003A" in body:  # a colon that would not be counted
        return False
    try:
        return _colons(msgspec.json.decode(body)) == body.count(b":")
    except (ValueError, RecursionError):
        return False


def _colons(value: Any) -> int:
    if isinstance(value, str):
        return value.count(":")
    if isinstance(value, dict):
        return len(value) + sum(_colons(key) + _colons(held) for key, held in value.items())
    if isinstance(value, list):
        return sum(map(_colons, value))
    return 0
