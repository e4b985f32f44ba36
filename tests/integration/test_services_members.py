"""Joining and leaving, adding and removing, roles; archiving rooms."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from chatcore import history, services
from chatcore.actors import GUEST, SYSTEM, Actor
from chatcore.exceptions import (
    BadRequest,
    ChatError,
    Forbidden,
    LastOwner,
    MemberNotFound,
    NotSignedIn,
    RoomArchived,
    RoomNotFound,
    UserNotFound,
)
from chatcore.history.members import members
from chatcore.models import Membership, Sanction
from chatcore.services import RoleChange

pytestmark = pytest.mark.django_db


def roles(room: str) -> dict[str, str]:
    return dict(Membership.objects.filter(room__name=room).values_list("user_name", "role"))


@pytest.fixture
def club(people: dict[str, Actor]) -> str:
    """A private room: Alice owns it, Bob keeps order."""
    services.create_room("club", private=True, owner="alice")
    services.add_member("club", "bob", "moderator", SYSTEM)
    return "club"


def test_people_join_and_leave_public_rooms_by_themselves(people: dict[str, Actor]) -> None:
    services.create_room("newbox", owner="alice")
    assert services.join_room("NEWBOX", people["bob"]) == ("bob", None, "member")
    assert services.join_room("newbox", people["bob"]) == ("bob", "member", "member")
    assert services.join_room("newbox", people["alice"]) == ("alice", "owner", "owner")
    assert roles("newbox") == {"alice": "owner", "bob": "member"}
    assert services.leave_room("newbox", people["bob"]) == ("bob", "member", None)
    assert services.leave_room("newbox", people["bob"]) == ("bob", None, None)
    assert roles("newbox") == {"alice": "owner"}


def test_nobody_joins_a_private_room_by_himself(club: str, people: dict[str, Actor]) -> None:
    for change in (services.join_room, services.leave_room):
        with pytest.raises(RoomNotFound):
            change(club, people["carol"])
    assert roles(club) == {"alice": "owner", "bob": "moderator"}


@pytest.mark.parametrize("guests", ["none", "read"])
def test_guests_join_nothing(people: dict[str, Actor], guests: str) -> None:
    services.create_room("newbox")
    with override_settings(CHAT_GUESTS=guests), pytest.raises(NotSignedIn):
        services.join_room("newbox", GUEST)


def test_owners_add_people_with_any_role_and_take_it_back(club: str, people: dict[str, Actor]) -> None:
    alice = people["alice"]
    assert services.add_member(club, "carol", "member", alice) == ("carol", None, "member")
    assert services.add_member(club, "carol", "owner", alice) == ("carol", "member", "owner")
    assert services.add_member(club, "alice", "member", people["carol"]) == ("alice", "owner", "member")
    assert services.remove_member(club, "bob", people["carol"]) == ("bob", "moderator", None)
    assert roles(club) == {"alice": "member", "carol": "owner"}


def test_moderators_add_and_remove_members_and_nobody_else(club: str, people: dict[str, Actor]) -> None:
    bob = people["bob"]
    services.add_member(club, "carol", "member", bob)
    changes: list[Callable[[], RoleChange]] = [
        lambda: services.add_member(club, "carol", "moderator", bob),
        lambda: services.add_member(club, "alice", "member", bob),
        lambda: services.add_member(club, "bob", "owner", bob),
        lambda: services.remove_member(club, "alice", bob),
    ]
    for change in changes:
        with pytest.raises(Forbidden, match="only owners and staff may make or unmake"):
            change()
    services.remove_member(club, "carol", bob)
    assert roles(club) == {"alice": "owner", "bob": "moderator"}


def test_members_change_nobody_and_learn_nothing_of_accounts(club: str, people: dict[str, Actor]) -> None:
    services.add_member(club, "carol", "member", SYSTEM)
    for account in ("bob", "nobody-at-all"):
        with pytest.raises(Forbidden, match="only owners, moderators and staff may add and remove members"):
            services.add_member(club, account, "member", people["carol"])
        with pytest.raises(Forbidden, match="only owners, moderators and staff may add and remove members"):
            services.remove_member(club, account, people["carol"])


def test_staff_manage_the_rooms_they_may_read_and_superusers_all(club: str, people: dict[str, Actor]) -> None:
    services.create_room("newbox")
    assert services.add_member("newbox", "carol", "owner", people["sam"]).after == "owner"
    with pytest.raises(RoomNotFound):
        services.add_member(club, "carol", "member", people["sam"])
    assert services.add_member(club, "carol", "member", people["root"]).after == "member"


@pytest.mark.parametrize("kind", ["mute", "ban"])
def test_who_is_muted_or_banned_manages_nothing(club: str, people: dict[str, Actor], kind: str) -> None:
    Sanction.objects.create(user_id=people["alice"].id, user_name="alice", kind=kind)
    changes: list[Callable[[], object]] = [
        lambda: services.add_member(club, "carol", "member", people["alice"]),
        lambda: services.remove_member(club, "bob", people["alice"]),
        lambda: services.archive_room(club, people["alice"]),
    ]
    for change in changes:
        with pytest.raises(Forbidden):
            change()


def test_a_room_keeps_its_last_owner(club: str, people: dict[str, Actor]) -> None:
    alice = people["alice"]
    changes: list[Callable[[], RoleChange]] = [
        lambda: services.leave_room(club, alice),
        lambda: services.remove_member(club, "alice", SYSTEM),
        lambda: services.add_member(club, "alice", "member", alice),
    ]
    for change in changes:
        with pytest.raises(LastOwner, match="alice is the only owner of room club: make somebody else an owner first"):
            change()
    services.add_member(club, "carol", "owner", alice)
    services.leave_room(club, alice)
    assert roles(club) == {"carol": "owner", "bob": "moderator"}


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_leave_at_once(club: str, people: dict[str, Actor]) -> None:
    services.add_member(club, "bob", "owner", SYSTEM)

    def leave(name: str) -> bool:
        try:
            services.leave_room(club, people[name])
        except LastOwner:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, ("alice", "bob"))) == [False, True]
    assert list(roles(club).values()) == ["owner"]


def test_an_account_that_is_not_there_is_said_with_a_near_match(club: str, people: dict[str, Actor]) -> None:
    with pytest.raises(UserNotFound, match="did you mean carol"):
        services.add_member(club, "carrol", "member", people["alice"])
    with pytest.raises(MemberNotFound, match="no member carol in room club"):
        services.remove_member(club, "carol", people["alice"])
    with pytest.raises(BadRequest, match="'king' is no role: take member, moderator, owner"):
        services.add_member(club, "carol", "king", people["alice"])


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_an_unknown_account_is_looked_for(club: str, people: dict[str, Actor]) -> None:
    for account in ("carrol", "carol"):
        with CaptureQueriesContext(connection) as seen, suppress(UserNotFound):
            services.add_member(club, account, "member", people["alice"])
        writes = [number for number, query in enumerate(seen.captured_queries) if query["sql"].startswith("BEGIN")]
        accounts = [number for number, query in enumerate(seen.captured_queries) if "auth_user" in query["sql"]]
        assert accounts
        assert all(number < write for number in accounts for write in writes)
    assert writes


def test_an_account_that_was_deleted_can_be_removed_under_its_old_name(club: str, people: dict[str, Actor]) -> None:
    User.objects.filter(username="bob").delete()
    assert services.remove_member(club, "bob", people["alice"]).before == "moderator"


def test_owners_and_staff_archive_rooms_and_restore_them(people: dict[str, Actor]) -> None:
    services.create_room("newbox", owner="alice")
    services.join_room("newbox", people["bob"])
    with pytest.raises(Forbidden, match="only owners and staff may archive or restore a room"):
        services.archive_room("newbox", people["bob"])
    assert services.archive_room("newbox", people["alice"])
    assert not services.archive_room("newbox", people["sam"])
    assert history.room_named("newbox").archived
    with pytest.raises(RoomArchived):
        services.join_room("newbox", people["carol"])
    with pytest.raises(Forbidden):
        services.add_member("newbox", "carol", "member", people["alice"])
    services.leave_room("newbox", people["bob"])
    assert services.restore_room("newbox", people["alice"])
    assert not services.restore_room("newbox", SYSTEM)
    services.post_messages([services.Post("newbox", "open again", people["bob"])])


def test_a_private_room_that_one_is_not_in_cannot_even_be_archived(club: str, people: dict[str, Actor]) -> None:
    for actor in (people["carol"], people["sam"]):
        with pytest.raises(ChatError) as refusal:
            services.archive_room(club, actor)
        assert type(refusal.value) is RoomNotFound


def test_members_stand_under_the_names_that_their_accounts_have_now(club: str) -> None:
    erin = User.objects.create_user("erin")
    services.add_member(club, "erin", "moderator", SYSTEM)
    User.objects.filter(pk=erin.pk).update(username="erika")
    User.objects.create_user("erin")
    services.add_member(club, "erin", "member", SYSTEM)
    assert {member.name: member.role for member in members(history.room_named(club).id)}.items() >= {
        ("erika", "moderator"),
        ("erin", "member"),
    }
    services.remove_member(club, "erin", SYSTEM)
    assert "erika" in {member.name for member in members(history.room_named(club).id)}
