"""Moments in a query: RFC 3339, Unix seconds, or so long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from chatcore.exceptions import BadRequest

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = r"[1-9][0-9]{0,4}[smhd]"
_UNIX = r"[0-9]{1,11}(\.[0-9]{1,9})?"
_Aware = Annotated[datetime, msgspec.Meta(tz=True)]

#: The type of such a value, as the JSON Schema tells it.
Moment = Annotated[
    str,
    msgspec.Meta(
        description="RFC 3339, Unix seconds, or so long ago: 90s, 10m, 2h, 1d",
        examples=["1h", "2026-11-22T06:15:02Z", "1795328102"],
        extra_json_schema={"anyOf": [{"format": "date-time"}, {"pattern": f"^({_AGO})$"}, {"pattern": f"^({_UNIX})$"}]},
    ),
]


def moment(name: str, text: str) -> datetime:
    """What `text`, the value of `name`, says. BadRequest."""
    try:
        if re.fullmatch(_AGO, text):
            return datetime.now(UTC) - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        if re.fullmatch(_UNIX, text):
            return datetime.fromtimestamp(float(text), UTC)
        return msgspec.convert(text, _Aware).astimezone(UTC)
    except (ValueError, OverflowError):
        hint = ", or so long ago: 90s, 10m, 2h, 1d"
        raise BadRequest(f"{name}: write a moment by RFC 3339 (its + as %2B), Unix seconds{hint}") from None
