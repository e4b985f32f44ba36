"""The apps' settings: `CHAT_*` in Django's settings, typed, with defaults, read each time they are asked for."""

from typing import Any, Literal

from django.conf import settings as django_settings


class Settings:
    """`settings.MAX_LENGTH` is `CHAT_MAX_LENGTH` of Django's settings, or the default that stands here.

    Nothing is kept, so that `override_settings` works and importing this module needs no settings.
    """

    #: Longest text of a message, in characters.
    MAX_LENGTH: int = 4000
    #: What people who are not signed in may do in public rooms.
    GUESTS: Literal["none", "read"] = "none"
    #: Who may create rooms from the page.
    ROOM_CREATE: Literal["users", "staff"] = "staff"
    #: Whether anybody may make an account for himself.
    SIGNUP: bool = False
    #: Dotted path of a function from a user to the name that people see.
    DISPLAY_NAME: str | None = None
    #: Messages a person may send: steady rate and burst, or `off`.
    RATE: str = "10/s burst 50"
    #: Bytes that may wait for one socket before it is closed with 4008.
    OUTBOX_BYTES: int = 1_048_576
    #: Path of the embedded broker's socket; without it the channel layer is used as configured.
    BROKER_SOCKET: str | None = None

    def __getattribute__(self, name: str) -> Any:
        return getattr(django_settings, f"CHAT_{name}", super().__getattribute__(name))


settings = Settings()
