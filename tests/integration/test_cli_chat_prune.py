"""`chat_prune` with a database: what it says, that two never overlap, and hostile names."""

import fcntl
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from chatcore import services
from chatcore.history import RoomView
from chatcore.models import Message, Room, Scheduled
from chatcore.services import Post
from chatcore.services.exclusion import Busy, only_one_prunes
from chatcore.services.pruning import prune_rooms
from tests.integration.conftest import Elsewhere
from tests.integration.writing import say
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def pruned(*arguments: str, **options: Any) -> str:
    """What the command prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_prune", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def make_old(room: str, *texts: str) -> None:
    """A room that keeps its messages for a day, and some that are older."""
    services.create_room(room, existing="keep", retention=DAY)
    say(room, *texts)
    Message.objects.filter(room__name=room).update(created_at=timezone.now() - 2 * DAY)


def test_it_says_a_line_a_room() -> None:
    make_old("ops", *"abc")
    make_old("dev", "a")
    assert pruned() == "dev: 1 message pruned\nops: 3 messages pruned\n"
    assert not Message.objects.exists()


def test_without_anything_to_do_it_says_so(newbox: RoomView) -> None:
    say("newbox", "a")
    assert pruned() == "nothing to do\n"


def test_json_has_a_line_a_room_and_the_sums() -> None:
    make_old("ops", *"abc")
    room, sums = map(json.loads, pruned("--json").splitlines())
    assert room == {"room": "ops", "messages": 3, "rows": 3}
    assert sums == {
        "status": "pruned", "messages": 3, "rows": 3, "expired": 0, "delivered": 0, "keys": 0, "imports": 0,
    }  # fmt: skip


def test_quiet_it_prints_nothing() -> None:
    make_old("ops", *"abc")
    assert pruned("-q") == ""
    assert not Message.objects.exists()


def test_a_dry_run_says_the_same_and_changes_nothing(newbox: RoomView) -> None:
    make_old("ops", *"abc")
    services.post_messages([Post("newbox", "soon over", lifetime=DAY)])
    Message.objects.filter(room=newbox.id).update(expires_at=timezone.now())
    due("newbox")
    assert pruned("--dry-run") == "ops: 3 messages would be pruned\n1 expired message would be emptied\n"
    assert pruned("-n", "--deliver").endswith("emptied, 1 scheduled message would be sent\n")
    sums = json.loads(pruned("--dry-run", "--json").splitlines()[-1])
    assert (sums["status"], sums["messages"], sums["expired"]) == ("dry-run", 3, 1)
    assert Message.objects.filter(deleted_at=None).count() == 4
    assert Room.objects.get(name="ops").floor == 0


def due(room: str) -> None:
    services.schedule_messages([Post(room, "later")], timezone.now() + DAY)
    Scheduled.objects.update(due_at=timezone.now())


def test_expired_messages_are_emptied_and_due_ones_sent_if_asked_for(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "over", lifetime=DAY)])
    Message.objects.update(expires_at=timezone.now())
    due("newbox")
    assert pruned() == "1 expired message emptied\n"
    assert Message.objects.get().text == ""
    assert pruned("--deliver") == "1 scheduled message sent\n"
    assert Message.objects.get(seq=2).text == "later"
    assert pruned("--deliver") == "nothing to do\n"


def test_keys_that_are_forgotten_set_their_messages_free_in_the_same_run() -> None:
    services.create_room("ops", retention=DAY)
    services.post_messages([Post("ops", "a", key="once")])
    Message.objects.update(created_at=timezone.now() - 8 * DAY)
    assert json.loads(pruned("--json").splitlines()[-1])["keys"] == 1
    assert not Message.objects.exists()


def test_what_an_interrupted_run_has_left_is_named() -> None:
    make_old("ops", *"abc")
    next(prune_rooms())
    assert pruned() == "ops: the rest of an earlier run, 3 rows\n"


@contextmanager
def somebody_prunes() -> Iterator[None]:
    """Another process, as far as the lock can tell."""
    if connection.vendor == "postgresql":
        other = Elsewhere()
        lock = only_one_prunes(0)
        other(lock.__enter__)
        try:
            yield
        finally:
            other(lock.__exit__, None, None, None)
            other.close()
        return
    with Path(f"{connection.settings_dict['NAME']}.prune").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_while_another_one_prunes_it_is_unavailable_or_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcli.management.commands.chat_prune.PATIENCE_S", 0.05)
    monkeypatch.setattr("chatcli.management.commands.chat_prune.SKIP_PATIENCE_S", 0.05)
    make_old("ops", "a")
    with somebody_prunes():
        with pytest.raises(CommandError, match="another process prunes") as caught:
            pruned()
        assert caught.value.returncode == 5
        assert pruned("--skip-if-locked") == "skipped: another process prunes\n"
        assert json.loads(pruned("--skip-if-locked", "--json")) == {"status": "skipped"}
        assert pruned("--skip-if-locked", "-q") == ""
        assert pruned("--dry-run") == "ops: 1 message would be pruned\n"
        assert Message.objects.exists()
    assert pruned("--skip-if-locked") == "ops: 1 message pruned\n"


def test_the_lock_ends_with_its_context() -> None:
    with only_one_prunes(0), somebody_elses_try() as refused:
        assert refused
    with somebody_elses_try() as refused:
        assert not refused


@contextmanager
def somebody_elses_try() -> Iterator[bool]:
    """Whether another connection is refused."""
    other = Elsewhere()

    def attempt() -> bool:
        try:
            with only_one_prunes(0):
                return False
        except Busy:
            return True

    try:
        yield other(attempt)
    finally:
        other.close()


def test_hostile_names_are_harmless() -> None:
    for number, text in enumerate(HOSTILE.values()):
        make_old(f"room{number}", "a")
        Room.objects.filter(name=f"room{number}").update(name=text[:64])
    for shown in (pruned("-n"), pruned("--json"), pruned()):
        assert not [character for character in FORBIDDEN if character in shown]
        assert len(shown.splitlines()) <= len(HOSTILE) + 1
