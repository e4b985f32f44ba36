"""What matters for a site that others use and only this machine can tell: `chat_check --deploy`."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from chatcli import server_record
from chatcli.checking.findings import Finding, Level
from chatcore import conf
from chatcore.database import database_path

PART = "deploy"
#: Open files: below it a server with so many pages open takes no more.
_FEW_FILES = 4096
#: On these SQLite's write-ahead log and its locks do not work (https://sqlite.org/wal.html).
_OF_NETWORKS = re.compile(r"nfs\d?|cifs|smb\d?|9p|afs|ceph|glusterfs|lustre|fuse\.(sshfs|glusterfs|ceph|s3fs|rclone)")
_MOUNTS = Path("/proc/self/mounts")


def look() -> Iterator[Finding]:
    """The proxy's trust, the key, mail, where the database lies, and how many files servers may open."""
    found = [*_proxy(), *_key(), *_mail(), *_durability(), *_file_system(), *_open_files()]
    yield from found or [Finding(PART, Level.OK, "proxy, key, mail, disk and limits are as others need them")]


def _proxy() -> Iterator[Finding]:
    url = str(getattr(settings, "CHAT_PUBLIC_URL", None) or "")
    if url.startswith("https://") and getattr(settings, "CHAT_TRUSTED_PROXIES", True) == []:
        what = (
            f"no proxy is trusted, but only one can serve {url}: all people seem to come from its address, without TLS"
        )
        hint = 'Set CHAT_TRUSTED_PROXIES=127.0.0.1, the address from which the proxy comes; "unix" if it is a socket.'
        yield Finding(PART, Level.WARNING, what, hint, "chatcore.W150")


def _key() -> Iterator[Finding]:
    own = Path(conf.settings.VAR_DIR) / "secret_key"
    if conf.settings.BROKER_SOCKET is None and own.is_file() and own.read_text().strip() == str(settings.SECRET_KEY):
        what = (
            f"sessions are signed with the key in {own}: another machine has another one, and does not know its people"
        )
        hint = "With several machines, set one DJANGO_SECRET_KEY on all of them."
        yield Finding(PART, Level.INFO, what, hint, "chatcore.I151")


def _mail() -> Iterator[Finding]:
    if not settings.EMAIL_HOST:
        what = "no mail can be sent: forgotten passwords are yours to set"
        hint = "Set DJANGO_EMAIL_HOST and its companions, or let people know whom to ask."
        yield Finding(PART, Level.INFO, what, hint, "chatcore.I155")


def _durability() -> Iterator[Finding]:
    if database_path() and getattr(settings, "CHAT_DURABILITY", "full") != "full":
        what = (
            "CHAT_DURABILITY is normal: the last messages before a power cut may be lost, though they were acknowledged"
        )
        yield Finding(PART, Level.INFO, what, "Leave CHAT_DURABILITY out, unless it is meant.", "chatcore.I152")


def _file_system() -> Iterator[Finding]:
    path = database_path()
    if path and _MOUNTS.exists() and _OF_NETWORKS.fullmatch(kind := file_system(Path(path), _MOUNTS.read_text())):
        what = f"{path} lies on {kind}: SQLite's locks do not hold there, and the file will be damaged"
        hint = "Move CHAT_VAR_DIR to a local disk, or use PostgreSQL (DATABASE_URL)."
        yield Finding(PART, Level.WARNING, what, hint, "chatcore.W153")


def file_system(path: Path, mounts: str) -> str:
    """Of which kind the one is that has this path, by lines as of /proc/self/mounts."""
    kinds = {}
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        kinds[Path(re.sub(r"\\(\d{3})", lambda escape: chr(int(escape[1], 8)), place))] = kind
    path = path.resolve()
    return next((kinds[place] for place in (path, *path.parents) if place in kinds), "")


def _open_files() -> Iterator[Finding]:
    for record in server_record.live_records():
        try:
            limits = Path(f"/proc/{record.pid}/limits").read_text()
        except OSError:  # it has just ended, or this is no Linux
            continue
        if (most := open_files(limits)) < _FEW_FILES:
            what = f"the server at {record.address} may open {most:,} files, and each open page is one"
            yield Finding(PART, Level.WARNING, what, "LimitNOFILE=65536 in its unit; ulimit -n", "chatcore.W154")


def open_files(limits: str) -> float:
    """How many files a process may open, by its /proc/PID/limits."""
    found = re.search(r"^Max open files +(\d+)", limits, re.M)
    return int(found[1]) if found else float("inf")
