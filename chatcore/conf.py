"""The apps' settings: `CHAT_*` in Django's settings, typed, with defaults, read each time they are asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

_NOT_SET = object()


class Settings:
    """`settings.MAX_LENGTH` is `CHAT_MAX_LENGTH` of Django's settings, or the default that stands here.

    Nothing is kept, so that `override_settings` works and importing this module needs no settings.
    """

    #: Alias in DATABASES of the database with the chat's tables; one of its own needs `chatcore.database_router`.
    DATABASE: str = "default"
    #: Alias in CHANNEL_LAYERS of the layer by which servers and commands ring each other.
    CHANNEL_LAYER: str = "default"
    #: Longest text of a message, in characters.
    MAX_LENGTH: int = 4000
    #: What people who are not signed in may do in public rooms.
    GUESTS: Literal["none", "read"] = "none"
    #: Who may create rooms from the page.
    ROOM_CREATE: Literal["users", "staff"] = "staff"
    #: Whether anybody may make an account for himself.
    SIGNUP: bool = False
    #: Accounts that may be made from one address that is not this machine's: steady rate and burst, or `off`.
    SIGNUP_RATE: str = "10/h burst 20"
    #: Wrong passwords from one such address, for whatever accounts, after which none is looked at for a while.
    WRONG_PASSWORDS: int = 50
    #: Dotted path of a function from a user to the name that people see.
    DISPLAY_NAME: str | None = None
    #: Messages a person may send: steady rate and burst, or `off`.
    RATE: str = "10/s burst 50"
    #: Pages of older messages that a person may ask for: steady rate and burst, or `off`.
    HISTORY_RATE: str = "10/s burst 100"
    #: Messages in one such page.
    HISTORY_PAGE: int = 500
    #: Frames of any kind that one socket may send, and bytes of text; beyond it is closed with 4029. `off`: no limit.
    SOCKET_FRAMES: str = "200/s burst 1000"
    SOCKET_BYTES: str = "256000/s burst 4000000"
    #: Bytes of one message from a client; beyond it the socket is closed with 1009.
    FRAME_BYTES: int = 65_536
    #: Sockets that one person, and one address that is not this machine's, may have open in one process.
    SOCKETS_PER_PERSON: int = 100
    SOCKETS_PER_ADDRESS: int = 1000
    #: Rooms that one person may own and still create another one.
    ROOMS_PER_PERSON: int = 50
    #: People who may be members of one room.
    MEMBERS_PER_ROOM: int = 5000
    #: Seconds that a client has to send a request, whole, and to begin one.
    HANDSHAKE_TIMEOUT: int = 20
    #: Bytes that may wait for one socket before it is closed with 4008.
    OUTBOX_BYTES: int = 1_048_576
    #: Threads of a server that commit, each room in one of them; on SQLite always one, as it has one writer at a time.
    COMMIT_THREADS: int = 4
    #: Origins (https://other.example.org) of web pages elsewhere that may use the HTTP API from a browser.
    API_ORIGINS: Sequence[str] = ()
    #: Who may read /metrics: nobody, direct connections from this machine, or everybody.
    METRICS: Literal["off", "local", "all"] = "off"
    #: Path of the embedded broker's socket; None: there is no such broker, the channel layer is used as configured.
    #: By default `valkey.sock` in RUN_DIR, where CHANNEL_LAYERS has no layer for the chat.
    BROKER_SOCKET: str | None = None
    #: Folder (a path) of what a server and its commands keep beside the database; `var` in BASE_DIR.
    VAR_DIR: Any = None
    #: Folder (a path) of the embedded broker's socket and lock; `run` in VAR_DIR.
    RUN_DIR: Any = None
    #: Dotted path of a function that narrows what people may: see `chatcore.permissions.Narrowing`.
    PERMISSIONS: str | None = None
    #: Whose Content-Security-Policy the chat's pages carry: the chat's own, or whatever the site gives them.
    CSP: Literal["own", "site"] = "own"

    def __getattribute__(self, name: str) -> Any:
        found = getattr(django_settings, f"CHAT_{name}", _NOT_SET)
        if found is not _NOT_SET:
            return found
        follows = _FOLLOWING.get(name)
        return super().__getattribute__(name) if follows is None else follows()


settings = Settings()


def _var_dir() -> Path:
    home = getattr(django_settings, "BASE_DIR", None)
    if home is None:
        raise ImproperlyConfigured("set CHAT_VAR_DIR to a folder for the chat: the settings have no BASE_DIR")
    return Path(home) / "var"


def _run_dir() -> Path:
    return Path(settings.VAR_DIR) / "run"


def _broker_socket() -> str | None:
    layers = getattr(django_settings, "CHANNEL_LAYERS", {})
    return None if settings.CHANNEL_LAYER in layers else str(Path(settings.RUN_DIR) / "valkey.sock")


#: Defaults that follow from other settings.
_FOLLOWING = {"VAR_DIR": _var_dir, "RUN_DIR": _run_dir, "BROKER_SOCKET": _broker_socket}
