"""What runs here and on which data: `server.json` in CHAT_VAR_DIR, so that a command never writes past its server.

A server writes its record when it listens and removes it when it ends. While it lives it holds a lock on the very
file, which the kernel takes back with its life: a record that nobody locks is a dead one's, whoever has its pid by now.
A second server on the same folder (another port) writes `server-<pid>.json`. A server of several processes is one
record, its parent's, which names the workers. No secrets: passwords are left out.
"""

import fcntl
import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from chatcli.locks import file_lock, try_lock
from chatcore import conf
from chatcore.bell.layer import layer_setting

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
    #: The processes that serve, by the workers' numbers, 0 for one that is just not there; empty: `pid` serves itself.
    workers: Sequence[int] = ()
    #: The local socket of this account's own programs; empty: there is none.
    socket: str = ""

    def vacant(self) -> list[int]:
        """The numbers of workers that have ended and are not there again yet."""
        return [number for number, pid in enumerate(self.workers, 1) if not pid]

    def serving(self) -> list[int]:
        """The processes that serve."""
        return [pid for pid in self.workers if pid] if self.workers else [self.pid]


def own_record(address: str = "") -> ServerRecord:
    """The record of this process, from its settings; a server gives the address where it listens."""
    database, layer = describe_database(settings.DATABASES[conf.settings.DATABASE]), describe_layer(layer_setting())
    digest = hashlib.sha256(f"{database}\n{layer}".encode()).hexdigest()[:16]
    return ServerRecord(os.getpid(), address, datetime.now(UTC).isoformat(timespec="seconds"), digest, database, layer)


def live_record() -> ServerRecord | None:
    """The record of a server that runs on this CHAT_VAR_DIR, or None; several servers mean the same data."""
    return next(live_records(), None)


def live_records() -> Iterator[ServerRecord]:
    """The records of all servers that run on this CHAT_VAR_DIR."""
    for path in sorted(Path(conf.settings.VAR_DIR).glob("server*.json")):
        if record := read_live(path):
            yield record


def names_here() -> dict[str, str]:
    """The processes that serve here, as they call themselves in the database and on the layer: and how people do."""
    names = {}
    for record in live_records():
        for pid in record.serving():
            worker = f", worker {record.workers.index(pid) + 1}" if record.workers else ""
            names[f"{socket.gethostname()}:{pid}"] = f"{record.address}{worker}"
    return names


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


class Announcement:
    """This server's record in CHAT_VAR_DIR, until it is closed."""

    def __init__(self, address: str, workers: Sequence[int] = (), local: str = "") -> None:
        folder = Path(conf.settings.VAR_DIR)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.record = replace(own_record(address), workers=list(workers), socket=local)
        with file_lock(folder / "server.lock", LOCK_S):
            remove_dead(folder)
            self._path = folder / "server.json"
            if self._path.exists():
                self._path = folder / f"server-{self.record.pid}.json"
            self._descriptors = [write_locked(self._path, self.record)]

    def change(self, workers: Sequence[int]) -> None:
        """Other processes serve now."""
        self.record = replace(self.record, workers=list(workers))
        self._descriptors.append(write_locked(self._path, self.record))
        for descriptor in self._descriptors[:-2]:  # who has just opened the one before finds it locked still
            os.close(descriptor)
        del self._descriptors[:-2]

    def close(self) -> None:
        """The server ends."""
        self._path.unlink(missing_ok=True)
        for descriptor in self._descriptors:
            os.close(descriptor)


@contextmanager
def announced(address: str) -> Iterator[ServerRecord]:
    """Keep this server's record in CHAT_VAR_DIR as long as the context is open."""
    with closing(Announcement(address)) as announcement:
        yield announcement.record


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
            known = {field.name for field in fields(ServerRecord)}
            return ServerRecord(**{name: value for name, value in json.load(file).items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):  # not there, not ours to read, or of another version
        return None


def describe_database(entry: dict[str, Any]) -> str:
    """Which database this is: the same text for the same one, without secrets."""
    engine = str(entry["ENGINE"]).rpartition(".")[2]
    if engine == "sqlite3":
        return f"SQLite {os.path.realpath(entry['NAME'])}"
    port = f":{entry['PORT']}" if entry.get("PORT") else ""
    return f"{ENGINES.get(engine, engine)} {entry['NAME']} at {entry.get('HOST') or 'this machine'}{port}"


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
    if isinstance(host, dict) and "master_name" in host:
        asked = ", ".join(":".join(map(str, sentinel)) for sentinel in host.get("sentinels", ()))
        return f"{host['master_name']} by Sentinel at {asked}"
    if isinstance(host, dict):
        host = host.get("address") or (host.get("host", "localhost"), host.get("port", 6379))
    if isinstance(host, (tuple, list)):
        host = "redis://" + ":".join(map(str, host))
    address = re.sub(r"//.*@", "//", str(host)).partition("?")[0]
    if address.startswith("unix://"):
        return os.path.realpath(unquote(address.removeprefix("unix://")))
    return address
