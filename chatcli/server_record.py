"""What runs here and on which data: `server.json` in CHAT_VAR_DIR, so that a command never writes past its server.

A server writes its record when it listens and removes it when it ends. While it lives it holds a lock on the very
file, which the kernel takes back with its life: a record that nobody locks is a dead one's, whoever has its pid by now.
A second server on the same folder (another port) writes `server-<pid>.json`. No secrets: passwords are left out.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from chatcli.locks import file_lock, try_lock

LOCK_S = 5.0
ENGINES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "oracle": "Oracle"}


@dataclass(frozen=True)
class ServerRecord:
    """One running server. `database` and `layer` are for people, `fingerprint` stands for both."""

    pid: int
    address: str
    started_at: str
    fingerprint: str
    database: str
    layer: str


def own_record(address: str = "") -> ServerRecord:
    """The record of this process, from its settings; a server gives the address where it listens."""
    database, layer = describe_database(settings.DATABASES["default"]), describe_layer(layer_setting())
    digest = hashlib.sha256(f"{database}\n{layer}".encode()).hexdigest()[:16]
    return ServerRecord(os.getpid(), address, datetime.now(UTC).isoformat(timespec="seconds"), digest, database, layer)


def live_record() -> ServerRecord | None:
    """The record of a server that runs on this CHAT_VAR_DIR, or None; several servers mean the same data."""
    return next(live_records(), None)


def live_records() -> Iterator[ServerRecord]:
    """The records of all servers that run on this CHAT_VAR_DIR."""
    for path in sorted(Path(settings.CHAT_VAR_DIR).glob("server*.json")):
        if record := read_live(path):
            yield record


def mismatch(record: ServerRecord) -> str | None:
    """Why this process must not write while that server runs: they mean different data. None: they mean the same."""
    own = own_record()
    if own.fingerprint == record.fingerprint:
        return None
    return (
        f"the running server (pid {record.pid}, {record.address}) uses {record.database} and {record.layer}, "
        f"this command {own.database} and {own.layer}: give both the same settings in roomline.env, "
        "then restart the server"
    )


@contextmanager
def announced(address: str) -> Iterator[ServerRecord]:
    """Keep this server's record in CHAT_VAR_DIR as long as the context is open."""
    folder, record = Path(settings.CHAT_VAR_DIR), own_record(address)
    with file_lock(folder / "server.lock", LOCK_S):
        remove_dead(folder)
        path = folder / "server.json"
        if path.exists():
            path = folder / f"server-{record.pid}.json"
        descriptor = write_locked(path, record)
    try:
        yield record
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def remove_dead(folder: Path) -> None:
    for path in folder.glob("server*.json"):
        if not read_live(path):
            path.unlink(missing_ok=True)


def write_locked(path: Path, record: ServerRecord) -> int:
    """Put the record there in one step, already locked; returns the descriptor that holds the lock."""
    draft = path.with_suffix(f".{record.pid}.new")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, json.dumps(asdict(record), indent=1).encode() + b"\n")
    draft.rename(path)
    return descriptor


def read_live(path: Path) -> ServerRecord | None:
    """The record in this file if the server that wrote it lives."""
    try:
        with path.open("rb") as file:
            if try_lock(file.fileno(), fcntl.LOCK_SH):
                return None
            return ServerRecord(**json.load(file))
    except (OSError, ValueError, TypeError):  # not there, not ours to read, or of another version
        return None


def describe_database(entry: dict[str, Any]) -> str:
    """Which database this is: the same text for the same one, without secrets."""
    engine = str(entry["ENGINE"]).rpartition(".")[2]
    if engine == "sqlite3":
        return f"SQLite {os.path.realpath(entry['NAME'])}"
    port = f":{entry['PORT']}" if entry.get("PORT") else ""
    return f"{ENGINES.get(engine, engine)} {entry['NAME']} at {entry.get('HOST') or 'this machine'}{port}"


def layer_setting() -> dict[str, Any] | None:
    """The default entry of CHANNEL_LAYERS, as it stands in the settings."""
    layers: dict[str, dict[str, Any]] = getattr(settings, "CHANNEL_LAYERS", {})
    return layers.get("default")


def describe_layer(entry: dict[str, Any] | None) -> str:
    """Which channel layer this is: the same text for the same one, without secrets."""
    if entry is None:
        return "no channel layer"
    config = entry.get("CONFIG", {})
    addresses = ", ".join(address_of(host) for host in config.get("hosts", []))
    name = f"Redis {addresses}" if addresses else str(entry["BACKEND"]).rpartition(".")[2]
    return f"{name} as {config['prefix']}" if "prefix" in config else name


def address_of(host: Any) -> str:
    """A host as channels_redis takes it (URL, pair, dictionary) as an address without account, password and query."""
    if isinstance(host, dict):
        host = host.get("address") or host.get("master_name") or (host.get("host", "localhost"), host.get("port", 6379))
    if isinstance(host, (tuple, list)):
        host = "redis://" + ":".join(map(str, host))
    address = re.sub(r"//.*@", "//", str(host)).partition("?")[0]
    if address.startswith("unix://"):
        return os.path.realpath(unquote(address.removeprefix("unix://")))
    return address
