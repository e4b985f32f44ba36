"""The page of a room's people: who belongs to it, who is there, and what one may change."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.events import Present
from chatcore.models import Membership, Room

pytestmark = pytest.mark.django_db

PAGE = "/chat/ops/people/"


@pytest.fixture(autouse=True)
def ops(people: dict[str, Actor]) -> None:
    """Alice owns it, Bob moderates, Carol is a member; it is public."""
    services.create_room("ops", owner="alice", members=["carol"])
    services.add_member("ops", "bob", "moderator", SYSTEM)


def browser(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def text_of(response: object) -> str:
    body = re.sub(r"(?s)<script.*?</script>", " ", response.content.decode())  # type: ignore[attr-defined]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def roles() -> dict[str, str]:
    return dict(Membership.objects.filter(room__name="ops").values_list("user_name", "role"))


def test_the_page_lists_members_by_rank_and_who_is_there(people: dict[str, Actor]) -> None:
    room = history.room_named("ops")
    here = [people["carol"], people["sam"]]
    services.save_presence(
        "one:1", 1, timezone.now() + timedelta(hours=1),
        {(room.id, actor.id): Present(actor.id, actor.name, actor.username) for actor in here}, {},
    )  # fmt: skip
    text = text_of(browser("alice").get(PAGE))
    assert text.index("alice you owner") < text.index("bob moderator") < text.index("carol member here now")
    assert "Also here now sam" in text
    assert text.count("here now") == 2


def test_people_join_and_leave_by_a_button() -> None:
    User.objects.create_user("dave")
    dave = browser("dave")
    assert "Join this room" in text_of(dave.get(PAGE))
    response = dave.post(PAGE, {"do": "join"}, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert "You have joined this room." in text_of(response)
    assert roles()["dave"] == "member"
    assert "Leave this room" in text_of(response)
    assert "You have left the room ops." in text_of(dave.post(PAGE, {"do": "leave"}, follow=True))
    assert "dave" not in roles()


def test_who_joins_by_the_list_of_rooms_gets_into_the_room() -> None:
    User.objects.create_user("dave")
    dave = browser("dave")
    assert 'aria-label="Join ops"' in dave.get("/").content.decode()
    response = dave.post(PAGE, {"do": "join", "to": "room"})
    assert (response.status_code, response["Location"]) == (302, "/chat/ops/")
    assert "Join" not in text_of(dave.get("/"))


def test_who_leaves_a_private_room_is_led_to_the_list_and_does_not_see_it_any_more() -> None:
    Room.objects.update(private=True)
    response = browser("carol").post(PAGE, {"do": "leave"}, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert browser("carol").get(PAGE).status_code == 404


def test_owners_add_members_with_any_role_and_remove_them() -> None:
    User.objects.create_user("dave")
    alice = browser("alice")
    added = alice.post(PAGE, {"do": "add", "account": " dave ", "role": "moderator"}, follow=True)
    assert "dave is now here as: moderator" in text_of(added)
    assert roles()["dave"] == "moderator"
    assert "dave is not a member any more." in text_of(
        alice.post(PAGE, {"do": "remove", "account": "dave"}, follow=True)
    )
    assert "dave" not in roles()


def test_each_sees_only_the_forms_of_what_he_may_do() -> None:
    def offers(name: str) -> list[str]:
        body = browser(name).get(PAGE).content.decode()
        return [*re.findall(r'value="(add|join|leave|archive)"', body), *re.findall(r'aria-label="(Remove \w+)"', body)]

    User.objects.create_user("dave")
    assert offers("alice") == ["leave", "add", "archive", "Remove bob", "Remove carol"]
    assert offers("bob") == ["leave", "add", "Remove carol"]
    assert offers("carol") == ["leave"]
    assert offers("dave") == ["join"]
    assert offers("sam") == ["join", "add", "archive", "Remove alice", "Remove bob", "Remove carol"]
    moderator = browser("bob").get(PAGE).content.decode()
    assert re.findall(r'<option value="(\w+)"', moderator) == ["member"]


@pytest.mark.parametrize(
    ("who", "form", "status"),
    [
        ("carol", {"do": "add", "account": "sam", "role": "member"}, 403),
        ("carol", {"do": "remove", "account": "bob"}, 403),
        ("carol", {"do": "archive"}, 403),
        ("bob", {"do": "add", "account": "carol", "role": "owner"}, 403),
        ("alice", {"do": "leave"}, 403),
        ("alice", {"do": "add", "account": "nobody", "role": "member"}, 404),
        ("alice", {"do": "add", "account": "", "role": "member"}, 404),
        ("alice", {"do": "add", "account": "x\0y", "role": "member"}, 404),
        ("alice", {"do": "add", "account": "sam", "role": "king"}, 400),
        ("alice", {"do": "add", "account": "sam"}, 400),
        ("alice", {"do": "remove", "account": "sam"}, 404),
        ("alice", {"do": "dance"}, 400),
        ("alice", {}, 400),
    ],
)
def test_what_is_refused_is_said_on_the_page_and_changes_nothing(who: str, form: dict[str, str], status: int) -> None:
    before = roles()
    response = browser(who).post(PAGE, form)
    assert response.status_code == status
    assert 'role="alert"' in response.content.decode()
    assert roles() == before
    assert not history.room_named("ops").archived


def test_owners_archive_the_room_and_open_it_again() -> None:
    alice = browser("alice")
    assert "Open it again" in text_of(alice.post(PAGE, {"do": "archive"}, follow=True))
    assert history.room_named("ops").archived
    assert "ops" not in text_of(alice.get("/"))
    assert "Archive this room" in text_of(alice.post(PAGE, {"do": "restore"}, follow=True))
    assert not history.room_named("ops").archived


def test_to_others_the_people_of_a_private_room_are_those_of_no_room() -> None:
    services.create_room("club", private=True, owner="alice")
    stranger = browser("bob")
    for answer in (stranger.get, stranger.post):
        private, missing = answer("/chat/club/people/"), answer("/chat/clux/people/")
        assert private.status_code == missing.status_code == 404
        assert text_of(private) == text_of(missing).replace("clux", "club")


def test_who_is_not_signed_in_is_asked_to(settings: object) -> None:
    settings.CHAT_GUESTS = "read"  # type: ignore[attr-defined]
    guest = Client()
    page = guest.get(PAGE)
    assert page.status_code == 200
    assert 'value="join"' not in page.content.decode()
    assert guest.post(PAGE, {"do": "join"})["Location"] == f"/accounts/login/?next={PAGE}"


def test_forms_need_their_token() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="alice"))
    assert strict.post(PAGE, {"do": "archive"}).status_code == 403
    assert not history.room_named("ops").archived


def test_what_was_refused_stands_in_the_form_to_be_corrected() -> None:
    response = browser("alice").post(PAGE, {"do": "add", "account": "carrol", "role": "moderator"})
    assert response.status_code == 404
    body = response.content.decode()
    assert 'value="carrol"' in body
    assert '<option value="moderator" selected>' in body
