"""A database file of which the disk has lost a part."""

import sqlite3
from contextlib import closing
from pathlib import Path


def spoil(path: Path) -> None:
    """Overwrite the second half of the file, in which nothing is free: what is lost there would be missed by nobody."""
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("VACUUM")
    data = path.read_bytes()
    kept = len(data) // 2
    path.write_bytes(data[:kept] + b"\xff" * (len(data) - kept))
