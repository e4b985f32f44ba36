"""Where in the site the chat is: below which path its pages, its sockets and what machines ask for are.

The pages' place follows from the site's URLconf (`include("chatcore.urls")`); all else is beside them.
"""

from functools import cache
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.translation import override

#: Where the sockets of the rooms are, seen from the list of rooms.
SOCKETS = "ws/chat/"


def rooms_address() -> str:
    """The path of the list of rooms; as the request that is being answered has it, if there is one."""
    try:
        return reverse("chatcore:rooms")
    except NoReverseMatch:  # a site without our pages
        return get_script_prefix()


def sockets_address() -> str:
    """The path of the rooms' sockets, without a room."""
    return rooms_address() + SOCKETS


def socket_address(room: str) -> str:
    """The path of a room's socket."""
    return f"{sockets_address()}{quote(room, safe='')}/"


def sign_in_address() -> str:
    """The page where people sign in, by LOGIN_URL; empty if that names no page here."""
    try:
        return resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return ""


def below(scope: dict[str, Any]) -> str | None:
    """What of the request's path is below the chat's place, without a slash before it; None: it is elsewhere."""
    path: str = scope["path"]
    prefix = (settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")).rstrip("/")
    if path == prefix or path.startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    path = path.removeprefix("/")
    return next((path[len(mount) :] for mount in _mounts(settings.ROOT_URLCONF) if path.startswith(mount)), None)


@cache
def _mounts(urlconf: str) -> frozenset[str]:
    """The chat's place, without a slash before it; one for each language where addresses name that (i18n_patterns)."""
    languages = [settings.LANGUAGE_CODE]
    if is_language_prefix_patterns_used(urlconf)[0]:
        languages = [code for code, _ in settings.LANGUAGES]
    found = set()
    for language in languages:
        with override(language):
            found.add(rooms_address().removeprefix(get_script_prefix()))
    return frozenset(found)
