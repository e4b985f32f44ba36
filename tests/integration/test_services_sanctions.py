"""Mutes and bans: who may impose and lift them, and what they bind."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import services
from chatcore.actors import SYSTEM, Actor, bot
from chatcore.exceptions import BadRequest, Forbidden, UserNotFound
from chatcore.history import RoomView
from chatcore.models import Sanction
from chatcore.services import Post
from chatcore.services.sanctions import impose_sanction, lift_sanction
from tests.integration.writing import refusal, say

pytestmark = pytest.mark.django_db

KINDS = ["mute", "ban"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_binds_the_next_post_and_no_longer_when_it_is_lifted(
    newbox: RoomView, people: dict[str, Actor], kind: str
) -> None:
    say("newbox", "before", actor=people["alice"])
    assert impose_sanction("alice", kind, SYSTEM) == ("alice", kind, None, "")
    assert isinstance(refusal(Post("newbox", "meanwhile", people["alice"])), Forbidden)
    say("newbox", "of others", actor=people["bob"])
    assert lift_sanction("alice", kind, SYSTEM) == ("alice", kind, True)
    say("newbox", "after", actor=people["alice"])
    assert lift_sanction("alice", kind, SYSTEM) == ("alice", kind, False)


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_by_itself_at_its_time(newbox: RoomView, people: dict[str, Actor], kind: str) -> None:
    end = timezone.now() + timedelta(hours=1)
    assert impose_sanction("alice", kind, SYSTEM, until=end, reason="a quiet hour").until == end
    assert isinstance(refusal(Post("newbox", "early", people["alice"])), Forbidden)
    Sanction.objects.update(until=timezone.now())
    say("newbox", "later", actor=people["alice"])
    assert not lift_sanction("alice", kind, SYSTEM).held
    assert not Sanction.objects.exists()


def test_a_second_one_takes_the_place_of_the_first(people: dict[str, Actor]) -> None:
    impose_sanction("alice", "mute", SYSTEM, until=timezone.now() + timedelta(hours=1), reason="one")
    impose_sanction("alice", "mute", people["sam"], reason="two")
    impose_sanction("alice", "ban", SYSTEM)
    row = Sanction.objects.get(kind="mute")
    assert (row.until, row.reason, row.by, row.user_name) == (None, "two", people["sam"].label, "alice")
    assert Sanction.objects.count() == 2


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        ("alice", "bob"),
        ("alice", "sam"),
        ("sam", "sam"),
        ("sam", "tess"),
        ("sam", "root"),
        ("root", "root"),
    ],
)
def test_who_may_not_is_refused_also_to_lift(people: dict[str, Actor], actor: str, person: str) -> None:
    User.objects.create_user("tess", is_staff=True)
    with pytest.raises(Forbidden):
        impose_sanction(person, "ban", people[actor])
    with pytest.raises(Forbidden):
        lift_sanction(person, "ban", people[actor])
    assert not Sanction.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_staff_who_are_muted_or_banned_free_nobody(people: dict[str, Actor], kind: str) -> None:
    impose_sanction("sam", kind, people["root"])
    impose_sanction("alice", "mute", SYSTEM)
    for change in (impose_sanction, lift_sanction):
        with pytest.raises(Forbidden):
            change("alice", "mute", people["sam"])
    assert Sanction.objects.filter(user_name="alice").exists()


def test_a_superuser_is_never_muted_or_banned_because_it_would_not_hold(people: dict[str, Actor]) -> None:
    for actor in (SYSTEM, bot("cron")):
        with pytest.raises(Forbidden, match="root is a superuser, whom nothing holds"):
            impose_sanction("root", "ban", actor)
    Sanction.objects.create(user_id=people["root"].id, user_name="root", kind="ban")  # from before he was one
    assert lift_sanction("root", "ban", SYSTEM).held


def test_accounts_that_are_switched_off_or_gone_can_be_freed(people: dict[str, Actor]) -> None:
    for name in ("alice", "bob"):
        impose_sanction(name, "ban", SYSTEM)
    User.objects.filter(username="alice").update(is_active=False)
    User.objects.filter(username="bob").delete()
    assert lift_sanction("alice", "ban", SYSTEM).held
    assert lift_sanction("bob", "ban", SYSTEM).held
    assert impose_sanction("alice", "mute", SYSTEM).account == "alice"


WRONG: list[Callable[[], object]] = [
    lambda: impose_sanction("alice", "kick", SYSTEM),
    lambda: lift_sanction("alice", "", SYSTEM),
    lambda: impose_sanction("alice", "mute", SYSTEM, until=timezone.now()),
    lambda: impose_sanction("alice", "mute", SYSTEM, reason="x" * 501),
    lambda: impose_sanction("alice", "mute", SYSTEM, reason="two\nlines"),
    lambda: impose_sanction("alice", "mute", SYSTEM, reason="\ud800"),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_stored(people: dict[str, Actor], wrong: Callable[[], object]) -> None:
    with pytest.raises(BadRequest):
        wrong()
    assert not Sanction.objects.exists()


def test_an_account_that_is_not_there_is_said_with_a_near_match(people: dict[str, Actor]) -> None:
    for change in (impose_sanction, lift_sanction):
        with pytest.raises(UserNotFound, match="no user alcie; did you mean alice"):
            change("alcie", "mute", SYSTEM)


def test_a_banned_person_reads_nothing_either(newbox: RoomView, people: dict[str, Actor]) -> None:
    impose_sanction("alice", "ban", SYSTEM)
    with pytest.raises(Forbidden, match="banned"):
        services.join_room("newbox", people["alice"])
