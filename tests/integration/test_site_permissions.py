"""What a site's own function refuses (CHAT_PERMISSIONS) is refused wherever people meet rooms."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import OperationalError
from django.test import Client, override_settings

from chatcore import history, services
from chatcore.actors import Actor, actor_for
from chatcore.exceptions import ChatError, Forbidden, RoomNotFound
from chatcore.history.room_list import room_list
from chatcore.history.signed_in import Accounts
from chatcore.history.standing import Callers, Place, places_of
from chatcore.models import Sanction
from chatcore.permissions import RoomRules, site_allows
from chatcore.services import Post
from tests.integration.sending import refused, sent
from tests.integration.writing import say

pytestmark = pytest.mark.django_db

asked: list[tuple[str, str]] = []


def for_the_team(actor: Actor, action: str, room: RoomRules | None) -> bool:
    """Rooms of the team are for the team; in the archive's room nobody does anything but read."""
    asked.append((actor.name, action))
    if room is not None and room.name.startswith("team"):
        return actor.name == "mia"
    return room is None or room.name != "reading" or action == "read"


def nobody_makes_rooms(actor: Actor, action: str, room: RoomRules | None) -> bool:
    return action != "create"


@pytest.fixture(autouse=True)
def rules(settings: object) -> None:
    settings.CHAT_PERMISSIONS = "tests.integration.test_site_permissions.for_the_team"  # type: ignore[attr-defined]
    asked.clear()


@pytest.fixture
def ann() -> Actor:
    """Ann, who is not of the team. There is a room of the team, one to read and one for all."""
    user = User.objects.create_user("ann")
    User.objects.create_user("mia")
    for name in ("team", "reading", "newbox"):
        services.create_room(name, members=["ann"])
    say("team", "the secret word")
    asked.clear()
    return actor_for(user)


def browser(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def test_to_others_the_room_does_not_exist(ann: Actor) -> None:
    with pytest.raises(RoomNotFound) as caught:
        history.access("tean", ann)
    assert caught.value.near == [], "not even as a near match"
    with pytest.raises(RoomNotFound):
        history.access("team", ann)
    assert history.access("team", actor_for(User.objects.get(username="mia"))).room.name == "team"


def test_pages_lists_and_search_leave_it_out(ann: Actor) -> None:
    page = browser("ann")
    assert "team" not in page.get("/").content.decode()
    assert [found.room.name for found in room_list(ann)] == ["newbox", "reading"]
    for path in ("/chat/team/", "/chat/team/people/", "/chat/team/search/?q=secret"):
        answer = page.get(path)
        assert answer.status_code == 404
        assert "secret" not in answer.content.decode()
    assert "secret" in browser("mia").get("/chat/team/search/?q=secret").content.decode()


def test_open_sockets_are_looked_at_again(ann: Actor) -> None:
    mia = actor_for(User.objects.get(username="mia"))
    room = history.room_named("team").id
    accounts = Accounts().look([ann.id, mia.id])
    found = places_of({room: [ann, mia]}, Callers(accounts, {}))
    assert isinstance(found[room, ann.label], RoomNotFound)
    assert isinstance(found[room, mia.label], Place)


def test_commands_as_a_person_are_refused_too(ann: Actor) -> None:
    assert refused("team", "hello", "--as", "ann").returncode == 3
    assert refused("reading", "hello", "--as", "ann").returncode == 4
    assert sent("newbox", "hello", "--as", "ann") == "newbox #1\n"


def test_the_system_superusers_and_staff_of_the_shell_are_not_asked_about(ann: Actor) -> None:
    root = actor_for(User.objects.create_superuser("root"))
    sent("team", "from cron")
    assert history.access("team", root).room.name == "team"
    services.post_messages([Post("team", "from root", actor=root)])
    assert asked == []


@pytest.mark.parametrize(
    ("action", "attempt"),
    [
        ("post", lambda ann: services.post_messages([Post("reading", "hello", actor=ann)], together=True)),
        ("edit", lambda ann: services.edit_message("reading", 1, "changed", ann)),
        ("delete", lambda ann: services.delete_message("reading", 1, ann)),
        ("join", lambda ann: services.join_room("reading", ann)),
    ],
)
def test_what_may_only_be_read_is_only_read(ann: Actor, action: str, attempt: Callable[[Actor], object]) -> None:
    with override_settings(CHAT_PERMISSIONS=None):
        services.post_messages([Post("reading", "mine", actor=ann)], together=True)
    with pytest.raises(Forbidden, match="this site's own rules"):
        attempt(ann)
    assert ("ann", action) in asked


def test_it_can_only_narrow(ann: Actor) -> None:
    services.create_room("board", private=True)
    with pytest.raises(RoomNotFound):
        history.access("board", ann)
    Sanction.objects.create(user_id=ann.id, user_name="ann", kind="mute")
    with pytest.raises(Forbidden, match="muted"):
        services.post_messages([Post("newbox", "hello", actor=ann)], together=True)


@override_settings(
    CHAT_ROOM_CREATE="users", CHAT_PERMISSIONS="tests.integration.test_site_permissions.nobody_makes_rooms"
)
def test_making_rooms_is_asked_about_without_a_room(ann: Actor) -> None:
    answer = browser("ann").post("/rooms/new/", {"name": "fresh"})
    assert answer.status_code == 403
    with pytest.raises(ChatError):
        history.room_named("fresh")


def breaks(actor: Actor, action: str, room: RoomRules | None) -> bool:
    """As of a site that has forgotten an account without a profile, and one whose database is away."""
    if actor.name == "mia" and action == "post":
        raise ObjectDoesNotExist("mia has no profile")
    if actor.name == "mia":
        raise OperationalError("the database is away")
    return True


def test_a_function_that_fails_refuses_the_one_for_whom_it_failed(
    ann: Actor, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHAT_PERMISSIONS = "tests.integration.test_site_permissions.breaks"  # type: ignore[attr-defined]
    mia = actor_for(User.objects.get(username="mia"))
    room = history.room_named("newbox")
    assert not site_allows(mia, "post", room)
    assert site_allows(ann, "post", room)
    assert caplog.text.count("CHAT_PERMISSIONS failed: mia may not post in newbox") == 1
    assert "mia has no profile" in caplog.text
    with pytest.raises(OperationalError):  # refuses nobody
        site_allows(mia, "read", room)
