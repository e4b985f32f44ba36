"""Who may do what: the whole table, each cell by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from django.test import override_settings

from chatcore.actors import GUEST, SYSTEM, Actor, bot
from chatcore.exceptions import ChatError, Forbidden, IsSuperuser, NotSignedIn, RoomArchived, RoomNotFound
from chatcore.permissions import (
    NOBODY,
    ROLES,
    Standing,
    check_archive,
    check_change_room,
    check_create_room,
    check_delete,
    check_edit,
    check_erase,
    check_join,
    check_lift,
    check_member_change,
    check_post,
    check_read,
    check_sanction,
    grantable_roles,
)


@dataclass(frozen=True)
class Room:
    name: str = "newbox"
    private: bool = False
    announce_only: bool = False
    archived: bool = False


ALICE = Actor("user", "7", "alice", "Alice")
STAFF = replace(ALICE, is_staff=True)
ROOT = replace(ALICE, is_superuser=True)
MEMBER, MODERATOR, OWNER = Standing("member"), Standing("moderator"), Standing("owner")
OTHER = ("user", "99")
REFUSALS: dict[str, type[ChatError] | None] = {
    "y": None, "F": Forbidden, "S": NotSignedIn, "A": RoomArchived, "U": RoomNotFound,
}  # fmt: skip
ACTIONS = ["read", "post", "announce", "edit own", "edit other", "delete own", "delete other"]
WHO: dict[str, tuple[Actor, Standing]] = {
    "guest": (GUEST, NOBODY),
    "user": (ALICE, NOBODY),
    "member": (ALICE, MEMBER),
    "moderator": (ALICE, MODERATOR),
    "owner": (ALICE, OWNER),
    "staff": (STAFF, NOBODY),
    "staff member": (STAFF, MEMBER),
    "superuser": (ROOT, NOBODY),
    "system": (SYSTEM, NOBODY),
    "bot": (bot("CI"), NOBODY),
    "muted user": (ALICE, Standing(muted=True)),
    "muted member": (ALICE, Standing("member", muted=True)),
    "muted owner": (ALICE, Standing("owner", muted=True)),
    "banned user": (ALICE, Standing(banned=True)),
    "banned owner": (ALICE, Standing("owner", banned=True)),
    "banned staff": (STAFF, Standing(banned=True)),
}
#: One letter an action, in the order of ACTIONS; the letters are those of REFUSALS.
TABLE: dict[str, tuple[Room, dict[str, str]]] = {
    "public": (
        Room(),
        {
            "guest": "SSSSSSS", "user": "yyFyFyF", "member": "yyFyFyF", "moderator": "yyyyFyy", "owner": "yyyyFyy",
            "staff": "yyyyFyy", "staff member": "yyyyFyy", "superuser": "yyyyyyy", "system": "yyyyFyy",
            "bot": "yyyyFyy", "muted user": "yFFFFFF", "muted member": "yFFFFFF", "muted owner": "yFFFFFF",
            "banned user": "FFFFFFF", "banned owner": "FFFFFFF", "banned staff": "FFFFFFF",
        },
    ),
    "announce-only": (
        Room(announce_only=True),
        {
            "guest": "SSSSSSS", "user": "yFFyFyF", "member": "yFFyFyF", "moderator": "yyyyFyy", "owner": "yyyyFyy",
            "staff": "yyyyFyy", "staff member": "yyyyFyy", "superuser": "yyyyyyy", "system": "yyyyFyy",
            "bot": "yyyyFyy", "muted user": "yFFFFFF", "muted member": "yFFFFFF", "muted owner": "yFFFFFF",
            "banned user": "FFFFFFF", "banned owner": "FFFFFFF", "banned staff": "FFFFFFF",
        },
    ),
    "private": (
        Room(private=True),
        {
            "guest": "SSSSSSS", "user": "UUUUUUU", "member": "yyFyFyF", "moderator": "yyyyFyy", "owner": "yyyyFyy",
            "staff": "UUUUUUU", "staff member": "yyyyFyy", "superuser": "yyyyyyy", "system": "yyyyFyy",
            "bot": "yyyyFyy", "muted user": "UUUUUUU", "muted member": "yFFFFFF", "muted owner": "yFFFFFF",
            "banned user": "FFFFFFF", "banned owner": "FFFFFFF", "banned staff": "FFFFFFF",
        },
    ),
    "archived": (
        Room(archived=True),
        {
            "guest": "SSSSSSS", "user": "yAAAAAA", "member": "yAAAAAA", "moderator": "yAAAAAA", "owner": "yAAAAAA",
            "staff": "yAAAAyy", "staff member": "yAAAAyy", "superuser": "yAAAAyy", "system": "yAAAAAA",
            "bot": "yAAAAAA", "muted user": "yAAAAAA", "muted member": "yAAAAAA", "muted owner": "yAAAAAA",
            "banned user": "FFFFFFF", "banned owner": "FFFFFFF", "banned staff": "FFFFFFF",
        },
    ),
    "archived and private": (
        Room(archived=True, private=True),
        {
            "guest": "SSSSSSS", "user": "UUUUUUU", "member": "yAAAAAA", "moderator": "yAAAAAA", "owner": "yAAAAAA",
            "staff": "UUUUUUU", "staff member": "yAAAAyy", "superuser": "yAAAAyy", "system": "yAAAAAA",
            "bot": "yAAAAAA", "muted user": "UUUUUUU", "muted member": "yAAAAAA", "muted owner": "yAAAAAA",
            "banned user": "FFFFFFF", "banned owner": "FFFFFFF", "banned staff": "FFFFFFF",
        },
    ),
}  # fmt: skip
#: What guests may where `CHAT_GUESTS` is `read`.
READING_GUESTS = {
    "public": "ySSSSSS", "announce-only": "ySSSSSS", "private": "UUUUUUU", "archived": "yAAAAAA",
    "archived and private": "UUUUUUU",
}  # fmt: skip


def attempt(action: str, room: Room, actor: Actor, standing: Standing) -> None:
    own = (actor.type, actor.id)
    match action:
        case "read":
            check_read(actor, room, standing)
        case "post":
            check_post(actor, room, standing)
        case "announce":
            for kind in ("announcement", "notice", "banner"):
                check_post(actor, room, standing, kind)
        case "edit own" | "edit other":
            check_edit(actor, room, standing, own if action == "edit own" else OTHER)
        case "delete own" | "delete other":
            check_delete(actor, room, standing, own if action == "delete own" else OTHER)
        case _:
            raise ValueError(action)


def outcome(action: str, room: Room, actor: Actor, standing: Standing) -> str:
    """The letter of what happened."""
    try:
        attempt(action, room, actor, standing)
    except ChatError as error:
        return next(letter for letter, kind in REFUSALS.items() if type(error) is kind)
    return "y"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("room", TABLE)
def test_the_table_of_permissions(room: str, who: str, action: str) -> None:
    rules, expected = TABLE[room]
    assert outcome(action, rules, *WHO[who]) == expected[who][ACTIONS.index(action)]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("room", TABLE)
@override_settings(CHAT_GUESTS="read")
def test_guests_that_may_read_may_only_read(room: str, action: str) -> None:
    assert outcome(action, TABLE[room][0], GUEST, NOBODY) == READING_GUESTS[room][ACTIONS.index(action)]


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(Forbidden, match="room newbox is for announcements: only its owners and moderators write here"):
        check_post(ALICE, Room(announce_only=True), NOBODY)
    with pytest.raises(Forbidden, match="only owners, moderators and staff may post a message of kind banner"):
        check_post(ALICE, Room(), NOBODY, "banner")
    with pytest.raises(Forbidden, match="you are muted: you can read, but not write"):
        check_post(ALICE, Room(), Standing(muted=True))
    with pytest.raises(Forbidden, match="you are banned here"):
        check_read(ALICE, Room(), Standing(banned=True))
    with pytest.raises(RoomArchived, match="room newbox is archived: it can only be read"):
        check_post(SYSTEM, Room(archived=True), NOBODY)


#: Joining by oneself, archiving; and the roles that one may give and take: none, member, or all.
MANAGEMENT: dict[str, dict[str, str]] = {
    "public": {
        "guest": "SS0", "user": "yF0", "member": "yF0", "moderator": "yF1", "owner": "yy3", "staff": "yy3",
        "superuser": "yy3", "system": "Sy3", "muted user": "yF0", "muted owner": "yF0", "banned owner": "FF-",
        "banned staff": "FF-",
    },
    "private": {
        "guest": "SS-", "user": "UU-", "member": "yF0", "moderator": "yF1", "owner": "yy3", "staff": "UU-",
        "staff member": "yy3", "superuser": "yy3", "system": "Sy3", "banned owner": "FF-",
    },
    "archived": {
        "guest": "SS0", "user": "AF0", "member": "AF0", "moderator": "AF0", "owner": "Ay0", "staff": "Ay3",
        "superuser": "Ay3", "system": "Sy3", "banned staff": "FF-",
    },
}  # fmt: skip


@pytest.mark.parametrize(("room", "who"), [(room, who) for room, cells in MANAGEMENT.items() for who in cells])
def test_the_table_of_joining_and_managing(room: str, who: str) -> None:
    rules, (actor, standing) = TABLE[room][0], WHO[who]
    join, archive, roles = tuple(MANAGEMENT[room][who])
    assert refusal_of(lambda: check_join(actor, rules, standing)) == REFUSALS[join]
    assert refusal_of(lambda: check_archive(actor, rules, standing)) == REFUSALS[archive]
    change = RoomArchived if rules.archived and who == "owner" else REFUSALS[archive]
    assert refusal_of(lambda: check_change_room(actor, rules, standing)) == change
    if roles != "-":
        assert grantable_roles(actor, rules, standing) == ROLES[: int(roles)]
    for role in (None, *ROLES):
        refusal = refusal_of(lambda role=role: check_member_change(actor, rules, standing, role))  # type: ignore[misc]
        may = roles != "-" and (role in ROLES[: int(roles)] or (role is None and roles != "0"))
        assert (refusal is None) is may


def refusal_of(call: Callable[[], None]) -> type[ChatError] | None:
    try:
        call()
    except ChatError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("actor", "who_may", "refusal"),
    [
        (GUEST, "users", NotSignedIn), (GUEST, "staff", NotSignedIn), (ALICE, "users", None),
        (ALICE, "staff", Forbidden), (STAFF, "staff", None), (ROOT, "staff", None), (SYSTEM, "staff", None),
        (bot("CI"), "staff", None),
    ],
)  # fmt: skip
def test_who_may_create_rooms(actor: Actor, who_may: str, refusal: type[ChatError] | None) -> None:
    with override_settings(CHAT_ROOM_CREATE=who_may):
        if refusal is None:
            check_create_room(actor, NOBODY)
        else:
            with pytest.raises(refusal):
                check_create_room(actor, NOBODY)


@pytest.mark.parametrize(("actor", "standing"), [(ALICE, Standing(muted=True)), (STAFF, Standing(banned=True))])
def test_who_may_not_write_makes_no_rooms(actor: Actor, standing: Standing) -> None:
    with override_settings(CHAT_ROOM_CREATE="users"), pytest.raises(Forbidden):
        check_create_room(actor, standing)


BOB = Actor("user", "8", "bob", "Bob")
SANCTIONING: list[tuple[Actor, Standing, Actor, type[ChatError] | None]] = [
    (SYSTEM, NOBODY, BOB, None),
    (bot("CI"), NOBODY, replace(BOB, is_staff=True), None),
    (ROOT, NOBODY, replace(BOB, is_staff=True), None),
    (STAFF, NOBODY, BOB, None),
    (STAFF, NOBODY, replace(BOB, is_staff=True), Forbidden),
    (STAFF, NOBODY, replace(BOB, is_superuser=True), Forbidden),
    (STAFF, NOBODY, STAFF, Forbidden),
    (ROOT, NOBODY, ROOT, Forbidden),
    (STAFF, Standing(muted=True), BOB, Forbidden),
    (STAFF, Standing(banned=True), BOB, Forbidden),
    (ALICE, OWNER, BOB, Forbidden),
    (GUEST, NOBODY, BOB, NotSignedIn),
]


@pytest.mark.parametrize(("actor", "standing", "person", "refusal"), SANCTIONING)
def test_who_may_mute_and_ban_whom(
    actor: Actor, standing: Standing, person: Actor, refusal: type[ChatError] | None
) -> None:
    for check in (check_sanction, check_lift):
        assert refusal_of(lambda check=check: check(actor, standing, person)) is refusal  # type: ignore[misc]


def test_superusers_are_freed_but_neither_muted_nor_banned_nor_erased() -> None:
    for check in (lambda: check_sanction(SYSTEM, NOBODY, ROOT), lambda: check_erase(ROOT)):
        assert refusal_of(check) is IsSuperuser
    check_lift(SYSTEM, NOBODY, ROOT)
    check_erase(STAFF)


def test_keys_are_the_actor_s_own() -> None:
    scopes = [actor.key_scope for actor in (ALICE, replace(ALICE, id="8"), Actor("token", "7", "t", "t"), SYSTEM)]
    assert scopes == ["u:7", "u:8", "t:7", "code"]


def test_the_log_says_who_did_it() -> None:
    assert [actor.label for actor in (ALICE, SYSTEM, bot("CI"))] == ["user:7", "system", "bot"]
