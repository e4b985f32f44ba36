"""Our own site under load, as `runchat` starts it: made once with its accounts and rooms, copied for each run.

After a run its log is compared with what was sent.
"""

import atexit
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from tests.acceptance.site import ChatSite

ACCOUNTS = 200
ROOMS = 200
MAKE_S = 300.0
#: What the machine's own roomline.env may say must not weigh: an empty value is the default.
ENV = {
    **dict.fromkeys(("DATABASE_URL", "CHAT_REDIS_URL", "CHAT_DURABILITY", "CHAT_OUTBOX_BYTES", "CHAT_RUN_DIR"), ""),
    "CHAT_RATE": "off",
}
MAKE_ROOMS = f"""
from chatcore.services import create_room
for number in range({ROOMS}):
    create_room(f"bench-{{number}}")
"""
LOG = """
SELECT room.name, room.last_seq, room.head, count(message.id), count(DISTINCT message.text)
FROM chatcore_room AS room LEFT JOIN chatcore_message AS message ON message.room_id = room.id GROUP BY room.id
"""


class Running:
    """A server that takes connections on the loopback."""

    cookies: Path | None = None

    def __init__(self, port: int, *roots: int) -> None:
        """`roots`: the processes whose CPU and memory count, with all that descend from them."""
        self.port, self.roots = port, roots

    def faults(self, sent: int) -> list[str]:
        """What is wrong with what it kept of the messages it was sent. A peer keeps none."""
        return []


class Site(Running):
    """Ours. Asking for its faults stops it."""

    def __init__(self, site: ChatSite, cookies: Path) -> None:
        assert site.process is not None
        super().__init__(site.port, site.process.pid)
        self.site, self.cookies = site, cookies

    def faults(self, sent: int) -> list[str]:
        code = self.site.stop()
        found = [f"runchat ended with {code}"] if code else []
        if "Traceback" in self.site.stderr:
            found.append(f"runchat's log has an error: {self.site.stderr[-2000:]}")
        return found + log_faults(self.site.var_dir / "chat.sqlite3", sent)


def log_faults(database: Path, sent: int) -> list[str]:
    """How the log differs from one that holds `sent` messages, each of another text, and nothing else."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rooms = connection.execute(LOG).fetchall()
    found = [
        f"{name}: last_seq {last_seq}, head {head}, {count} messages with {texts} texts"
        for name, last_seq, head, count, texts in rooms
        if not last_seq == head == count == texts
    ]
    if (stored := sum(room[3] for room in rooms)) != sent:
        found.append(f"{sent} messages were sent, {stored} are in the log")
    return found


@cache
def template() -> ChatSite:
    """A site that never runs: its database has the accounts and the rooms. With a file of Cookie headers beside it."""
    site = ChatSite(ENV)
    atexit.register(site.close)
    for arguments in (("migrate", "-v0"), ("shell", "-v0", "-c", MAKE_ROOMS)):
        done = site.manage(*arguments, timeout=MAKE_S)
        assert done.returncode == 0, done.stderr
    cookies = site.sign_in(*(f"person{number}" for number in range(ACCOUNTS)))
    (site.var_dir / "cookies").write_text("\n".join(cookies) + "\n")
    return site


@contextmanager
def ours(folder: Path) -> Iterator[Running]:
    """`runchat` on a fresh copy of the template."""
    with closing(ChatSite(ENV)) as site:
        shutil.copytree(template().var_dir, site.var_dir, dirs_exist_ok=True)
        site.start()
        yield Site(site, site.var_dir / "cookies")
