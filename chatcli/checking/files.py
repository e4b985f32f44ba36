"""Who else on this machine may read the secrets or write the data."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from chatcli.checking.findings import Finding, Level
from chatcore import conf
from chatcore.database import database_path

PART = "files"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def look() -> Iterator[Finding]:
    """Modes of the folder of the data and of the files with secrets."""
    folder = Path(conf.settings.VAR_DIR)
    sound = True
    database = [Path(file)] if (file := database_path()) else []
    for path in (folder / "secret_key", Path(getattr(settings, "BASE_DIR", folder)) / "roomline.env", *database):
        if mode(path) & _OTHERS and not is_closed(path.parent):
            sound = False
            what = f"{path} may be read by other accounts ({mode(path):04o}): it has secrets"
            hint = f"chmod 600 {path}*" if path in database else f"chmod 600 {path}"  # the -wal and the -shm, too
            yield Finding(PART, Level.WARNING, what, hint, "chatcore.W110")
    if mode(folder) & _OTHERS_WRITE:
        sound = False
        what = f"{folder} may be written by other accounts ({mode(folder):04o}): they can replace the data"
        yield Finding(PART, Level.WARNING, what, f"chmod 700 {folder}", "chatcore.W111")
    elif folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        sound = False
        what = f"{folder} cannot be written: commands do not see which server runs"
        yield Finding(PART, Level.ERROR, what, f"chmod u+wx {folder}, or set CHAT_VAR_DIR", "chatcore.E112")
    if sound:
        yield Finding(PART, Level.OK, f"{folder} and the secrets are this account's own")


def mode(path: Path) -> int:
    """Its permission bits; 0 if it is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def is_closed(folder: Path) -> bool:
    """Whether other accounts cannot even enter the folder."""
    return not mode(folder) & (stat.S_IXGRP | stat.S_IXOTH)
