"""Checks of the `CHAT_*` settings: of the type they must have, and none that nobody reads."""

import difflib
from typing import Any, get_type_hints

import msgspec
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string

from chatcore import conf
from chatcore.rates import parsed_rate

_OURS = "CHAT_"
_FUNCTIONS = ("DISPLAY_NAME", "PERMISSIONS")
_RATES = ("RATE", "SIGNUP_RATE", "HISTORY_RATE", "SOCKET_FRAMES", "SOCKET_BYTES")


def _given() -> dict[str, Any]:
    """The CHAT_* settings that were set, without the prefix."""
    return {name.removeprefix(_OURS): getattr(settings, name) for name in dir(settings) if name.startswith(_OURS)}


@register("chatcore")
def chat_settings_are_usable(**kwargs: Any) -> list[CheckMessage]:
    """A value of another type would fail when somebody first posts, and not when the server starts."""
    types, given = get_type_hints(conf.Settings), _given()
    found: list[CheckMessage] = []
    for name in types.keys() & given.keys():
        if (expected := _trouble(name, given[name], types[name])) is not None:
            found.append(
                Error(
                    f"{_OURS}{name} = {given[name]!r} cannot be used: {expected}.",
                    hint=f"Set {_OURS}{name} to something like {getattr(conf.Settings, name)!r}, or leave it out.",
                    id="chatcore.E001",
                )
            )
    return sorted(found, key=str)


def _trouble(name: str, value: Any, wanted: Any) -> str | None:
    """What is wrong with the value; None if nothing is."""
    try:
        msgspec.convert(value, wanted)
        if wanted is int and value < 1:
            return "expected at least 1"
        if name in _RATES:
            parsed_rate(value)
        if name in _FUNCTIONS and value is not None and not callable(import_string(value)):
            return "it is no function"
    except msgspec.ValidationError as error:
        return str(error).replace("`", "").replace("Expected", "expected")
    except ValueError:
        return 'expected a rate such as "10/s burst 50", or "off"'
    except ImportError as error:
        return str(error)
    return None


@register("chatcore")
def chat_settings_are_known(**kwargs: Any) -> list[CheckMessage]:
    """A mistyped name is passed over in silence. A site may have others of its own: only near ones are told."""
    known = sorted(get_type_hints(conf.Settings))
    found: list[CheckMessage] = []
    for name in sorted(_given().keys() - set(known)):
        for near in difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            found.append(
                CheckWarning(f"Nobody reads {_OURS}{name}.", hint=f"Did you mean {_OURS}{near}?", id="chatcore.W010")
            )
    return found
