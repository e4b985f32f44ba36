"""The site's secret key when none is configured: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def kept_secret_key(path: Path) -> str:
    """The key in the file at `path`; made first if there is none. Processes that come at once get the same key."""
    try:
        if not path.exists():
            make(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"no secret key: {error}; let it be written or set DJANGO_SECRET_KEY") from error
    if len(key) < 40:
        raise ImproperlyConfigured(f"{path} holds no secret key: delete it for a new one (everybody signs in again)")
    return key


def make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".secret_key-", dir=path.parent)  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename it never replaces the key of somebody who was first
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()
