"""SQLite's writers take turns: who commits without pause cannot keep another waiting."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from chatcore import history, services
from tests.integration.writing import say
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite("only its writers take turns")]

PROJECT = Path(__file__).resolve().parents[2]
BATCH = 20
#: Commits of others that a lone post may have to wait for, as a rule and at most. Two of them are fair, and the rest is
#: the processor's turn; without turns one of twenty waits for seven hundred.
FAIR, WORST = 10, 300


@contextmanager
def busy_process(room: str) -> Iterator[None]:
    """Another process that commits into the room back to back, on our database."""
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}"}
    command = [sys.executable, str(Path(__file__).with_name("busy_writer.py")), room]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, cwd=PROJECT, env=environment | {"PYTHONPATH": str(PROJECT)}
    ) as process:
        try:
            wait_until(lambda: process.poll() is not None or history.room_named(room).head, f"{room} writes")
            assert process.poll() is None
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(DEADLINE_S) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write what belongs to others")
def test_what_root_writes_does_not_lock_out_whom_the_database_belongs_to(tmp_path: Path) -> None:
    services.create_room("quiet")
    database = Path(connection.settings_dict["NAME"])
    before = database.stat()
    try:
        os.chown(database, 4321, 1234)
        for place in database.parent.glob(f"{database.name}.turn-?"):
            place.unlink()
        say("quiet", "as root")
        places = [place.stat() for place in database.parent.glob(f"{database.name}.turn-?")]
        assert [(place.st_uid, place.st_gid) for place in places] == [(4321, 1234)] * 2
    finally:
        os.chown(database, before.st_uid, before.st_gid)
        say("quiet", "and back")


@pytest.mark.slow
def test_a_lone_post_is_not_starved_by_processes_that_commit_back_to_back(transactional_db: None) -> None:
    rooms = [services.create_room(name).room for name in ("busy-1", "busy-2")]
    services.create_room("quiet")
    commits_before: list[int] = []
    with ExitStack() as processes:
        for room in rooms:
            processes.enter_context(busy_process(room.name))

        def commits() -> int:
            return sum(head.head for head in history.heads([room.id for room in rooms]).values()) // BATCH

        for number in range(20):
            before = commits()
            (message,) = say("quiet", "may I?")
            assert message.seq == number + 1
            commits_before.append(commits() - before)
            reached = commits()
            wait_until(lambda: commits() > reached, "the others go on")  # noqa: B023  it is waited for right here
    assert statistics.median(commits_before) <= FAIR, commits_before
    assert max(commits_before) <= WORST, commits_before
    for room in rooms:
        seqs = [message.seq for message in history.messages_after(room.id, 0, 1_000_000)]
        assert seqs == list(range(1, len(seqs) + 1))
