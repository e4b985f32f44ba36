"""Sessions in the database, looked up only by keys that can be one."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A quoted cookie may hold any character; PostgreSQL answers one with a NUL in it by an error."""

    def _validate_session_key(self, key: str) -> bool:
        """Django makes keys of lower-case letters and digits, and asks this before it looks for one."""
        valid: bool = super()._validate_session_key(key)  # type: ignore[misc]
        return valid and key.isascii() and key.isalnum()
