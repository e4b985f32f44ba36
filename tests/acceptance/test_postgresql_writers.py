"""Several programs write into the same rooms of one PostgreSQL: numbers are in the order of commits, none is missing,
none is there twice, and no two wait for each other."""

import json
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import PROJECT, ChatSite
from tests.waiting import DEADLINE_S, SOAK

pytestmark = [*needs_postgresql, pytest.mark.slow]

ROOMS = [f"room{number}" for number in range(5)]
EACH, LINES = 30 * SOAK, 100 * SOAK
#: What one look sees of each room, all of one moment: its counters, and what its log holds up to its end.
LOOK = """
SELECT r.name, r.last_seq, r.head,
    (SELECT count(*) FROM chatcore_message m WHERE m.room_id = r.id),
    (SELECT coalesce(max(seq), 0) FROM chatcore_message m WHERE m.room_id = r.id),
    (SELECT count(DISTINCT rev) FROM (SELECT room_id, rev FROM chatcore_message UNION ALL
        SELECT room_id, rev FROM chatcore_change) log WHERE log.room_id = r.id AND rev <= r.head)
FROM chatcore_room r
"""


CREATE = f"from chatcore.services import create_room; [create_room(name) for name in {ROOMS}]"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="module")
def site(server: PostgreSQL) -> Iterator[ChatSite]:
    """Not running: programs write by themselves."""
    site = ChatSite(env={"CHAT_RATE": "off", "DATABASE_URL": server.url})
    try:
        assert site.manage("migrate", "-v0").returncode == 0
        assert site.manage("shell", "-v0", "-c", CREATE).returncode == 0
        yield site
    finally:
        site.close()


def started(site: ChatSite, *command: str) -> "subprocess.Popen[str]":
    program = str(Path(__file__).with_name("server_writes.py"))
    return subprocess.Popen(
        [sys.executable, program, *command], cwd=PROJECT, env={**site.env, "PYTHONPATH": str(PROJECT)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def watched(server: PostgreSQL, ended: threading.Event, wrong: list[object]) -> int:
    """Look again and again until `ended`; how often. What must not be goes to `wrong`."""
    looks, heads = 0, dict[object, object]()
    with server.connect() as connection:
        while not ended.is_set():
            for name, last_seq, head, messages, newest, revs in connection.execute(LOOK).fetchall():
                if not last_seq == messages == newest or revs != head or head < heads.get(name, 0):  # type: ignore[operator]
                    wrong.append((name, last_seq, head, messages, newest, revs, heads.get(name)))
                heads[name] = head
            looks += 1
            ended.wait(0.05)  # it is the others' processor, too
    return looks


def test_numbers_are_in_the_order_of_commits_whoever_writes(
    server: PostgreSQL, site: ChatSite, figures: Callable[..., None]
) -> None:
    wrong: list[object] = []
    ended, looks = threading.Event(), list[int]()
    watching = threading.Thread(target=lambda: looks.append(watched(server, ended, wrong)))
    watching.start()
    try:
        servers = [started(site, name, str(EACH), *order) for name, order in (("one", ROOMS), ("two", ROOMS[::-1]))]
        lines = "".join(f"line {number}\n" for number in range(LINES))
        to_all = []
        sent = site.manage("chat_send", ROOMS[0], "--lines", input=lines)
        for number in range(2 * SOAK):
            to_all.append(site.manage("chat_send", "--all", f"to all {number}"))
            site.manage("chat_prune")
        said = [process.communicate(timeout=DEADLINE_S) for process in servers]
    finally:
        ended.set()
        watching.join()
    assert [(process.returncode, errors) for process, (_, errors) in zip(servers, said, strict=True)] == [(0, "")] * 2
    assert sent.returncode == 0, sent.stderr
    assert [done.returncode for done in to_all] == [0] * len(to_all), [done.stderr for done in to_all]
    assert wrong == []
    assert looks[0] > 0

    acknowledged: dict[str, dict[int, str]] = defaultdict(dict)
    for output, _ in said:
        for room, seq, text in map(json.loads, output.splitlines()):
            assert seq not in acknowledged[room], "a number that two have"
            acknowledged[room][seq] = text
    with server.connect() as connection:
        for name in ROOMS:
            rows = connection.execute(
                "SELECT seq, text, deleted_at IS NOT NULL FROM chatcore_message m "
                "JOIN chatcore_room r ON r.id = room_id WHERE name = %s ORDER BY seq",
                [name],
            ).fetchall()
            more = LINES if name == ROOMS[0] else 0
            assert [seq for seq, _, _ in rows] == [*range(1, 2 * EACH + more + len(to_all) + 1)]
            stored = {seq: "" if deleted else text for seq, text, deleted in rows}
            for seq, text in acknowledged[name].items():
                assert stored[seq] in (text, "")
            own = [text for _, text, _ in rows if str(text).startswith("line ")]
            assert own == ([f"line {number}" for number in range(LINES)] if name == ROOMS[0] else [])
        found = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = 'chat'").fetchone()
        assert found == (0,)
    figures("commit order", rooms=len(ROOMS), messages=2 * EACH * len(ROOMS) + LINES, looks=looks[0])


def test_it_is_the_same_where_the_site_has_set_a_higher_isolation_level(server: PostgreSQL, site: ChatSite) -> None:
    with server.connect() as connection:
        connection.execute("ALTER DATABASE chat SET default_transaction_isolation = 'serializable'")
    try:
        servers = [started(site, name, "20", *order) for name, order in (("three", ROOMS), ("four", ROOMS[::-1]))]
        said = [process.communicate(timeout=DEADLINE_S) for process in servers]
    finally:
        with server.connect() as connection:
            connection.execute("ALTER DATABASE chat RESET default_transaction_isolation")
    assert [(process.returncode, errors) for process, (_, errors) in zip(servers, said, strict=True)] == [(0, "")] * 2


def test_a_statement_that_takes_longer_than_the_server_allows_is_refused_as_such(
    server: PostgreSQL, site: ChatSite
) -> None:
    with server.connect() as connection:
        connection.execute("ALTER ROLE CURRENT_USER IN DATABASE chat SET statement_timeout = '500ms'")
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM chatcore_room WHERE name = %s FOR UPDATE", [ROOMS[0]])
        refused = site.manage("chat_send", ROOMS[0], "x", "--timeout", "2")
        connection.execute("ROLLBACK")
        assert refused.returncode == 5
        assert "nothing was stored" in refused.stderr
        connection.execute("ALTER ROLE CURRENT_USER IN DATABASE chat RESET statement_timeout")
        assert site.manage("chat_send", ROOMS[0], "x").returncode == 0
