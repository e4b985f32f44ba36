"""`chat_tail --cursor-file`: each run goes on where the last one ended, whatever has become of the rooms."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from chatcore import history, services
from chatcore.models import Change, Message, Room, new_epoch
from chatcore.names import room_key
from tests.integration.tailing import ALICE, Tail, post, prune, refused, tailed, texts
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _newbox(transactional_db: None) -> None:
    services.create_room("newbox")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cursor"


def read(path: Path, *arguments: str) -> list[str]:
    """The texts that come next."""
    words = arguments or ("newbox",)
    return texts(tailed(*words, "--no-follow", "--json", "--cursor-file", str(path)))


def saved(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def rename(old: str, new: str) -> None:
    Room.objects.filter(name=old).update(name=new, name_key=room_key(new))


def test_each_run_begins_after_the_last_one(path: Path) -> None:
    post(*"abc")
    assert read(path, "newbox", "-n2") == ["b", "c"]
    assert read(path) == []
    post(*"def")
    assert read(path, "newbox", "-n1") == ["d", "e", "f"], "the file wins"
    view = history.room_named("newbox")
    assert saved(path) == {
        "newbox": {"rev": 6, "id": history.event_id(view.id, 6), "epoch": view.epoch},
    }


def test_the_cursor_is_over_all_events_even_if_only_messages_are_shown(path: Path) -> None:
    post("a", "b")
    assert read(path) == ["a", "b"]
    services.edit_message("newbox", 1, "edited", ALICE)
    assert read(path) == []
    change = Change.objects.get()
    assert saved(path)["newbox"]["rev"] == 3
    assert saved(path)["newbox"]["id"] == str(change.pk)
    services.delete_message("newbox", 1, ALICE)
    assert read(path, "newbox", "--events", "changes") == [""]


def test_what_is_filtered_out_moves_it_too(path: Path) -> None:
    post("a", "noise")
    assert read(path, "newbox", "--exclude", "noise") == ["a"]
    assert saved(path)["newbox"]["rev"] == 2
    assert read(path) == []


def test_count_leaves_the_rest_for_the_next_run(path: Path) -> None:
    post("a", "noise", "b", "noise", "c")
    assert read(path, "newbox", "--count", "2", "--exclude", "noise") == ["a", "b"]
    assert saved(path)["newbox"]["rev"] == 3
    assert read(path) == ["noise", "c"]


def test_only_what_is_new_counts_from_the_first_run_on(path: Path) -> None:
    post("old")
    assert read(path, "newbox", "-n0") == []
    post("new")
    assert read(path, "newbox", "-n0") == ["new"]


def test_rooms_that_are_first_seen_later_begin_at_their_beginning(path: Path) -> None:
    post("a")
    assert read(path, "--all") == ["a"]
    services.create_room("ops")
    post(*map(str, range(20)), room="ops")
    assert read(path, "--all") == [str(n) for n in range(20)]


def test_what_other_rooms_have_in_it_is_kept(path: Path) -> None:
    services.create_room("ops")
    post("a")
    post("b", room="ops")
    assert read(path, "--all") == ["a", "b"]
    post("c")
    post("d", room="ops")
    assert read(path, "newbox") == ["c"]
    assert read(path, "--all") == ["d"]


def test_a_rename_is_followed(path: Path) -> None:
    post("a")
    assert read(path) == ["a"]
    rename("newbox", "chat")
    post("b", room="chat")
    assert read(path) == ["b"]
    post("c", room="chat")
    assert read(path, "newbox") == ["c"], "the name by which it was chosen goes on to mean it"
    post("d", room="chat")
    assert read(path, "--all") == ["d"]
    assert list(saved(path)) == ["chat"]


def test_a_new_room_of_an_old_name_is_a_new_one(path: Path) -> None:
    post("a")
    assert read(path, "--all") == ["a"]
    rename("newbox", "chat")
    services.create_room("newbox")
    post("b")
    post("c", room="chat")
    assert read(path, "--all") == ["b", "c"]
    assert {key: place["rev"] for key, place in saved(path).items()} == {"newbox": 1, "chat": 2}


def test_a_room_that_was_archived_meanwhile_is_read_to_its_end(path: Path) -> None:
    post("a")
    assert read(path, "--all") == ["a"]
    post("b")
    Room.objects.update(archived_at=timezone.now())
    assert read(path, "--all") == ["b"]


def test_what_was_pruned_meanwhile_is_a_gap(path: Path) -> None:
    post("a")
    assert read(path) == ["a"]
    post(*"bcd")
    prune(3)
    assert read(path) == ["pruned", "d"]
    prune(4)
    assert read(path) == []


def test_another_epoch_is_a_gap_and_goes_on_from_the_oldest(path: Path) -> None:
    post(*"abc")
    assert read(path) == list("abc")
    prune(1)
    Room.objects.update(epoch=new_epoch())
    assert read(path) == ["epoch", "b", "c"]
    assert read(path) == []


def test_history_that_was_set_back_is_a_gap(path: Path) -> None:
    post(*"abc")
    assert read(path) == list("abc")
    Message.objects.filter(seq=3).delete()
    Room.objects.update(head=2, last_seq=2)
    assert read(path) == ["ahead", "a", "b"]


def test_another_event_at_the_cursor_is_a_gap(path: Path) -> None:
    post(*"abc")
    assert read(path) == list("abc")
    Message.objects.filter(seq=3).delete()
    Room.objects.update(head=2, last_seq=2)
    post("x", "y")
    assert read(path) == ["history_changed", "a", "b", "x", "y"]


def test_a_gap_that_was_not_shown_yet_is_shown_in_the_next_run(path: Path) -> None:
    services.create_room("another")
    post("a")
    post("b", room="another")
    assert read(path, "--all") == ["a", "b"]
    Room.objects.update(epoch=new_epoch())
    assert read(path, "--all", "--count", "1") == ["epoch", "epoch", "a"]
    found = saved(path)
    assert found["another"]["rev"] == 0
    with pytest.raises(CommandError):
        call_command("chat_tail", "--all", "--exec", "false", "--exec-retries", "0", cursor_file=str(path))
    assert saved(path) == found


def test_history_that_is_set_back_while_it_is_followed_is_read_from_the_oldest(path: Path) -> None:
    post("a", "b")
    tail = Tail("newbox", "--cursor-file", str(path), "--count", "5")
    tail.until("a", "b")
    post("c")
    tail.until("a", "b", "c")
    Message.objects.filter(seq=3).delete()
    Room.objects.update(head=2, last_seq=2)
    tail.until("a", "b", "c", "ahead", "a", "b")
    tail.ended()


def test_a_bad_file_and_a_bad_folder_are_errors_before_anything_is_printed(path: Path) -> None:
    post("a")
    path.write_text("my notes")
    assert refused("newbox", "--no-follow", "--cursor-file", str(path)).returncode == 2
    assert path.read_text() == "my notes"
    assert "missing" in str(refused("newbox", "--no-follow", "--cursor-file", str(path.parent / "missing" / "x")))
    assert refused("newbox", "--no-follow", "--cursor-file", "").returncode == 2


def test_a_run_that_fails_before_it_begins_leaves_no_file(path: Path) -> None:
    assert refused("newbx", "--no-follow", "--cursor-file", str(path)).returncode == 3
    assert refused("web-*", "--no-follow", "--cursor-file", str(path)).returncode == 3
    assert not path.exists()


def test_a_second_user_is_told_to_come_later(path: Path) -> None:
    tail = Tail("newbox", "--cursor-file", str(path), "--count", "1")
    wait_until(path.exists, "the cursor file")
    assert refused("newbox", "--no-follow", "--cursor-file", str(path)).returncode == 5
    post("a")
    assert texts(tail.ended()) == ["a"]


def test_it_is_saved_while_it_runs(path: Path) -> None:
    tail = Tail("newbox", "--cursor-file", str(path), "--count", "3")
    wait_until(path.exists, "the cursor file")
    post("a")
    wait_until(lambda: saved(path)["newbox"]["rev"] == 1, "the cursor after a second")
    post("b", "c")
    tail.ended()
    assert saved(path)["newbox"]["rev"] == 3


def test_a_room_that_was_deleted_is_forgotten(path: Path) -> None:
    services.create_room("ops")
    tail = Tail("newbox", "ops", "--cursor-file", str(path), "--count", "1")
    wait_until(path.exists, "the cursor file")
    Room.objects.filter(name="ops").delete()
    wait_until(lambda: "deleted" in tail.out.getvalue(), "the gap")
    post("a")
    tail.ended()
    assert list(saved(path)) == ["newbox"]


def test_a_handler_gets_each_in_order_and_what_it_failed_at_comes_again(path: Path, tmp_path: Path) -> None:
    handled = tmp_path / "handled"
    post(*"abcd")
    command = f'printf %s "$CHATMSG_TEXT" >> {handled}; test "$CHATMSG_TEXT" != c'
    options: dict[str, Any] = {"cursor_file": str(path), "stdout": io.StringIO(), "stderr": io.StringIO()}
    with pytest.raises(CommandError) as caught:
        call_command("chat_tail", "newbox", "--no-follow", "--exec", command, "--exec-retries", "0", **options)
    assert caught.value.returncode == 1
    assert handled.read_text() == "abc"
    assert saved(path)["newbox"]["rev"] == 2
    call_command("chat_tail", "newbox", "--no-follow", "--exec", f'printf %s "$CHATMSG_TEXT" >> {handled}', **options)
    assert handled.read_text() == "abccd"
    assert options["stdout"].getvalue() == ""
