"""The app of the chat's domain and transports."""

from django.apps import AppConfig


class ChatcoreConfig(AppConfig):
    name = "chatcore"
    label = "chatcore"
    verbose_name = "Chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and tell servers of changes to people."""
        from chatcore import checks, nudges  # noqa: F401

        nudges.connect()
