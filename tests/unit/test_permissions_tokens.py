"""What a token may do where: each cell by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from chatcore.actors import Actor, Grant
from chatcore.exceptions import ChatError, Forbidden, RoomArchived, RoomNotFound
from chatcore.permissions import (
    NOBODY,
    Standing,
    check_archive,
    check_change_room,
    check_create_room,
    check_delete,
    check_edit,
    check_join,
    check_lift,
    check_member_change,
    check_post,
    check_read,
    check_sanction,
    check_sight,
    check_visit,
    grantable_roles,
)


@dataclass(frozen=True)
class Room:
    name: str
    private: bool = False
    announce_only: bool = False
    archived: bool = False


OPS, SECRET, BOARD = Room("ops"), Room("ops-secret", private=True), Room("board", announce_only=True)
OLD, NEWS = Room("ops-old", archived=True), Room("Ops-News")
OWN, OTHER = ("token", "abc"), ("user", "7")
WHAT: dict[str, Callable[[Actor, Room], None]] = {
    "sight": lambda actor, room: check_sight(actor, room, NOBODY),
    "read": lambda actor, room: check_read(actor, room, NOBODY),
    "post": lambda actor, room: check_post(actor, room, NOBODY),
    "banner": lambda actor, room: check_post(actor, room, NOBODY, "banner"),
    "edit own": lambda actor, room: check_edit(actor, room, NOBODY, OWN),
    "edit other": lambda actor, room: check_edit(actor, room, NOBODY, OTHER),
    "delete own": lambda actor, room: check_delete(actor, room, NOBODY, OWN),
    "delete other": lambda actor, room: check_delete(actor, room, NOBODY, OTHER),
    "delete the system's": lambda actor, room: check_delete(actor, room, NOBODY, ("system", "")),
}
REFUSALS: dict[str, type[ChatError] | None] = {"y": None, "F": Forbidden, "A": RoomArchived, "U": RoomNotFound}


def token(rooms: str, can: str) -> Actor:
    return Actor("token", "abc", "ci", "ci", grant=Grant(tuple(rooms.split()), tuple(can.split())))  # type: ignore[arg-type]


#: Rooms, what it may, the room; then a letter for each of WHAT.
TABLE: list[tuple[str, str, Room, str]] = [
    ("*", "read send", OPS, "yyyyyFyFF"),
    ("*", "read", OPS, "yyFFFFFFF"),
    ("*", "send", OPS, "yFyyyFyFF"),
    ("*", "read send", BOARD, "yyyyyFyFF"),
    ("*", "read send", SECRET, "UUUUUUUUU"),
    ("ops-*", "read send", SECRET, "UUUUUUUUU"),
    ("ops-secre?", "read send", SECRET, "UUUUUUUUU"),
    ("ops-secret", "read send", SECRET, "yyyyyFyFF"),
    ("* ops-secret", "read", SECRET, "yyFFFFFFF"),
    ("ops-*", "read send", OPS, "UUUUUUUUU"),
    ("ops", "read send", OPS, "yyyyyFyFF"),
    ("ops-[a-n]ews", "read send", NEWS, "yyyyyFyFF"),
    ("ops-news", "read send", NEWS, "yyyyyFyFF"),
    ("*", "read send", OLD, "yyAAAAAAA"),
    ("", "read send", OPS, "UUUUUUUUU"),
    ("*", "", OPS, "yFFFFFFFF"),
]


@pytest.mark.parametrize(
    ("rooms", "can", "room", "what", "letter"),
    [
        (rooms, can, room, what, letter)
        for rooms, can, room, letters in TABLE
        for what, letter in zip(WHAT, letters, strict=True)
    ],
)
def test_a_token_may_what_its_grant_says(rooms: str, can: str, room: Room, what: str, letter: str) -> None:
    refusal = REFUSALS[letter]
    if refusal is None:
        WHAT[what](token(rooms, can), room)
        return
    with pytest.raises(refusal) as caught:
        WHAT[what](token(rooms, can), room)
    assert type(caught.value) is refusal


@pytest.mark.parametrize("what", WHAT)
def test_a_token_without_a_grant_may_nothing(what: str) -> None:
    with pytest.raises(RoomNotFound):
        WHAT[what](replace(token("*", "read send"), grant=None), OPS)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda actor: check_create_room(actor, NOBODY),
        lambda actor: check_join(actor, OPS, NOBODY),
        lambda actor: check_archive(actor, OPS, NOBODY),
        lambda actor: check_change_room(actor, OPS, NOBODY),
        lambda actor: check_member_change(actor, OPS, NOBODY, "member"),
        lambda actor: check_member_change(actor, OPS, Standing("owner"), "member"),
        lambda actor: check_sanction(actor, NOBODY, Actor("user", "7", "alice", "Alice")),
        lambda actor: check_lift(actor, NOBODY, Actor("user", "7", "alice", "Alice")),
    ],
)
def test_whatever_its_grant_a_token_neither_makes_rooms_nor_rules_people(attempt: Callable[[Actor], None]) -> None:
    with pytest.raises(Forbidden):
        attempt(token("*", "read send"))
    assert grantable_roles(token("*", "read send"), OPS, Standing("owner")) == ()


def test_a_token_is_neither_a_person_nor_banned() -> None:
    check_visit(token("*", "read"), Standing(banned=True))
    assert not token("*", "read").is_person
    assert token("*", "read").key_scope == "t:abc"
    assert token("*", "read").label == "token:abc"


def test_who_may_not_is_told_what_would_let_it() -> None:
    with pytest.raises(Forbidden, match="--can send"):
        check_post(token("*", "read"), OPS, NOBODY)
    with pytest.raises(Forbidden, match="--can read"):
        check_read(token("*", "send"), OPS, NOBODY)
