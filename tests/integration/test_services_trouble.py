"""What a database that is locked, full, read-only or not migrated does to a write."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.database import NotMigrated
from chatcore.exceptions import (
    Unavailable,
)
from chatcore.history import RoomView
from chatcore.models import Message
from chatcore.services import Post
from tests.integration.keeping import locked
from tests.integration.writing import Rung, say

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_database_that_stays_locked_is_unavailable_in_time_and_stores_nothing(newbox: RoomView) -> None:
    rung = Rung()
    with locked():
        for write in (
            lambda: services.post_messages([Post("newbox", "x")], announce=rung, timeout=0.2),
            lambda: services.edit_message("newbox", 1, "x", SYSTEM, announce=rung, timeout=0.2),
            lambda: services.create_room("ops", timeout=0.2),
        ):
            with pytest.raises(Unavailable, match="locked by another program: nothing was stored, try again"):
                write()
    assert rung.calls == 0
    assert not Message.objects.exists()
    assert [message.seq for message in say("newbox", "x")] == [1]


def test_a_lock_that_is_given_back_in_time_only_delays(newbox: RoomView) -> None:
    held, waiting = threading.Event(), threading.Event()

    def hold() -> None:
        with locked():
            held.set()
            waiting.wait(10)

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        held.wait(10)
        threading.Timer(0.1, waiting.set).start()
        assert [message.seq for message in say("newbox", "x")] == [1]
        assert waiting.is_set()
        holding.result()


@pytest.mark.sqlite("only its writers take turns")
def test_the_deadline_counts_for_those_who_take_turns_too(newbox: RoomView) -> None:
    from chatcore.services.turnstile import turn

    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with turn(time.monotonic() + 10):
            taken.set()
            done.wait(10)
        connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        taken.wait(10)
        with pytest.raises(Unavailable, match="other programs keep the database busy: nothing was stored"):
            services.post_messages([Post("newbox", "x")], timeout=0.1)
        done.set()
        holding.result()
    say("newbox", "x")


def test_a_database_that_cannot_be_written_says_so(newbox: RoomView) -> None:
    setting = {"sqlite": "PRAGMA query_only", "postgresql": "SET default_transaction_read_only"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"{setting} = on")
    try:
        with pytest.raises(
            Unavailable, match=r"cannot be written \(.*(readonly database|read-only transaction)\): give"
        ):
            services.post_messages([Post("newbox", "x")])
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"{setting} = off")
    assert not Message.objects.exists()


@pytest.mark.sqlite("its file is made to be full")
def test_a_full_disk_stores_nothing_and_heals(newbox: RoomView) -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no free pages within the file
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages + 20}")
    try:
        with pytest.raises(Unavailable, match=r"the disk is full .*: nothing was stored, free some space"):
            services.post_messages([Post("newbox", "x" * 4000) for _ in range(1000)])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert not Message.objects.exists()
    assert [message.seq for message in say("newbox", "x")] == [1]


def test_a_database_without_tables_says_how_to_make_them(newbox: RoomView) -> None:
    table = Message._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO hidden")
    try:
        with pytest.raises(NotMigrated, match=r"chatcore_message.*\): run python manage.py migrate"):
            services.post_messages([Post("newbox", "x")])
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE hidden RENAME TO {table}")
    say("newbox", "x")
