"""Rooms of a server are known again by their epoch, then by their name; a loss and a return are told once."""

from datetime import UTC, datetime

from chatcli.remote.register import Listed, Register
from chatcli.remote.trouble import Pauses, Trouble


def listed(name: str, epoch: str, head: int = 0, made: int = 2025) -> Listed:
    when = datetime(made, 1, 1, tzinfo=UTC)
    return Listed(name, name, archived=False, last_seq=0, head=head, floor=0, epoch=epoch, created_at=when)


def test_a_room_keeps_its_number_whatever_becomes_of_its_name_or_its_epoch() -> None:
    register = Register()
    one, two = register.update([listed("one", "e1"), listed("two", "e2")])
    assert one.id != two.id
    swapped = register.update([listed("two", "e1", 5), listed("one", "e2")])
    assert [(log.id, log.name) for log in swapped] == [(one.id, "two"), (two.id, "one")]
    restored = register.update([listed("two", "e3"), listed("one", "e4")])
    assert [(log.id, log.epoch) for log in restored] == [(one.id, "e3"), (two.id, "e4")]


def test_a_room_of_the_name_of_one_that_was_seen_to_be_gone_is_another_one() -> None:
    register = Register()
    (old,) = register.update([listed("one", "e1")])
    assert register.update([]) == []
    assert register.find(old.id) is None
    (new,) = register.update([listed("one", "e2")])
    assert new.id != old.id
    back, _ = register.update([listed("one", "e1"), listed("other", "e2")])
    assert back.id == old.id


def test_a_room_of_the_name_of_another_that_was_made_at_another_time_is_another_one() -> None:
    """Also when the first one was renamed, and deleted then, before anybody looked."""
    register = Register()
    (old,) = register.update([listed("one", "e1")])
    (new,) = register.update([listed("one", "e2", made=2026)])
    assert new.id != old.id
    assert register.find(old.id) is None
    (restored,) = register.update([listed("one", "e3", made=2026)])
    assert restored.id == new.id


def test_a_name_that_the_server_tells_is_the_one_by_which_the_room_is_gone() -> None:
    register = Register()
    (old,) = register.update([listed("one", "e1")])
    register.rename(old.id, "Two")
    assert register.find(old.id) == old._replace(name="Two", key="two")
    (other,) = register.update([listed("one", "e2")])
    assert other.id != old.id
    register.rename(99, "nobody's")


def test_a_loss_and_a_return_are_told_once_however_many_rooms_there_are() -> None:
    talk: list[str] = []
    trouble = Trouble("https://chat.example.org", talk.append)
    trouble.found(1)
    assert talk == []
    for room in (1, 2, 1):
        trouble.lost(room, "restart")
    assert talk == ["no connection to https://chat.example.org (restart): trying again until there is one"]
    trouble.found(1)
    trouble.found(1)
    assert len(talk) == 1
    trouble.found(2)
    assert talk[1:] == ["connected to https://chat.example.org again"]
    trouble.lost(1, "restart")
    trouble.forget(1)
    trouble.found(2)
    assert len(talk) == 3


def test_pauses_grow_to_ten_seconds_and_are_not_the_same_for_everybody() -> None:
    pauses = Pauses()
    assert not pauses.many
    found = [pauses.next() for _ in range(12)]
    longest = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4] + [10.0] * 6
    assert all(length / 2 <= pause <= length for pause, length in zip(found, longest, strict=True))
    assert len(set(found[6:])) > 1
    assert pauses.many
    pauses.begin_anew()
    assert pauses.next() <= 0.2
