"""Who may not be in a room any more is shown out although his socket was open, on every server, within seconds."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest
from django.contrib.auth.models import AnonymousUser, User

from chatcore import metrics, services
from chatcore.actors import GUEST, SYSTEM, Actor, actor_for
from chatcore.clock import Clock
from chatcore.exceptions import ChatError
from chatcore.history.signed_in import Accounts
from chatcore.history.standing import Callers, Key, places_of
from chatcore.models import Room, Sanction
from tests.integration.sockets import Client, Site, elsewhere
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bob() -> User:
    User.objects.create_user("alice")
    user = User.objects.create_user("bob")
    services.create_room("ops", private=True, owner="alice", members=["bob"])
    return user


def removed(bob: User) -> None:
    services.remove_member("ops", "bob", SYSTEM)


def banned(bob: User) -> None:
    Sanction.objects.create(user_id=str(bob.pk), user_name="bob", kind="ban")


def switched_off(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)


def deleted(bob: User) -> None:
    User.objects.filter(pk=bob.pk).delete()


@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (removed, ("not_found", 4404)),
        (banned, ("forbidden", 4403)),
        (switched_off, ("not_signed_in", 4401)),
        (deleted, ("not_signed_in", 4401)),
    ],
)
def test_who_may_not_read_any_more_is_told_so_and_hears_no_more(
    bob: User, happens: Callable[[User], None], refusal: tuple[str, int]
) -> None:
    async def check() -> None:
        async with Site() as site:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            async with site.hello("ops", bob) as full, site.socket("ops", bob, full=False) as plain:
                await full.only("open")
                before = metrics.refusals().get(refusal[0], 0)
                await elsewhere(happens, bob)
                for client in (full, plain):
                    assert await shown_out(client) == refusal
                assert metrics.refusals()[refusal[0]] == before + 2
                await elsewhere(say, "ops", "not for bob")
                assert full.waiting() == plain.waiting() == []
            await clock.close()

    asyncio.run(check())


async def shown_out(client: Client) -> tuple[str, int]:
    frames = await client.until("error")
    return frames[-1]["code"], await client.closed()


def test_everybody_else_stays(bob: User, settings: object) -> None:
    settings.CHAT_GUESTS = "read"  # type: ignore[attr-defined]
    root = User.objects.create_superuser("root")
    ops, news = Room.objects.get(name="ops"), services.create_room("news").room
    alice = User.objects.get(username="alice")
    banned(bob)
    visitors = {ops.pk: [actor_for(user) for user in (alice, bob, root)], news.id: [actor_for(bob), GUEST]}
    assert refused(visitors) == {(ops.pk, f"user:{bob.pk}"), (news.id, f"user:{bob.pk}")}
    Room.objects.filter(pk=news.id).update(private=True)
    assert (news.id, "guest") in refused(visitors)
    assert actor_for(AnonymousUser()) == GUEST


def test_many_people_cost_few_queries(bob: User, django_assert_max_num_queries: Callable[[int], object]) -> None:
    ops = Room.objects.get(name="ops")
    crowd = [Actor("user", str(10**9 + number), f"user{number}", f"user{number}") for number in range(3000)]
    with django_assert_max_num_queries(7):  # type: ignore[attr-defined]
        assert len(refused({ops.pk: crowd})) == 3000


def refused(visitors: Mapping[int, Sequence[Actor]]) -> set[Key]:
    accounts = Accounts().look({actor.id for actors in visitors.values() for actor in actors if actor.type == "user"})
    return {key for key, place in places_of(visitors, Callers(accounts, {})).items() if isinstance(place, ChatError)}


def renamed(bob: User) -> None:
    Room.objects.filter(name="ops").update(name="operations", name_key="operations")


def made_moderator(bob: User) -> None:
    services.add_member("ops", "bob", "moderator", SYSTEM)


def muted(bob: User) -> None:
    Sanction.objects.create(user_id=str(bob.pk), user_name="bob", kind="mute")


def archived(bob: User) -> None:
    services.archive_room("ops", SYSTEM)


def about_something_else(bob: User) -> None:
    services.create_room("ops", title="Nights", topic="Who is awake?", existing="update")


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (renamed, {"room": "operations"}),
        (made_moderator, {"may_moderate": True}),
        (muted, {"can_post": False}),
        (archived, {"can_post": False, "archived": True}),
        (about_something_else, {"title": "Nights", "topic": "Who is awake?"}),
    ],
)
def test_who_stays_is_told_what_has_changed_for_him_and_nothing_else(
    bob: User, happens: Callable[[User], None], told: dict[str, object]
) -> None:
    async def check() -> None:
        async with Site() as site:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            async with site.hello("ops", bob) as full, site.socket("ops", bob, full=False) as plain:
                opened = await full.only("open")
                await elsewhere(happens, bob)
                news = (await full.until("room"))[-1]
                same = {key: opened[key] for key in news if key in opened and key != "type"}
                assert news == {"type": "room", "private": True, **same, **told}
                assert plain.waiting() == []
            await clock.close()

    asyncio.run(check())


def test_who_writes_into_a_room_that_was_renamed_a_moment_ago_is_heard_there(bob: User) -> None:
    async def check() -> None:
        async with Site() as site, site.hello("ops", bob) as full:
            await full.only("open")
            await elsewhere(renamed, bob)
            full.say(type="send", message="hello", client_id="a")
            frames = await full.until("sent")
            assert [frame["room"] for frame in frames if frame["type"] in ("room", "sent")] == ["operations"] * 2
            full.say(type="edit", seq=1, message="hello all")
            edited = (await full.until("edit"))[-1]
            assert (edited["room"], edited["message"]) == ("operations", "hello all")

    asyncio.run(check())


def test_a_page_that_comes_back_finds_its_room_by_its_number_whatever_has_its_name_now(bob: User) -> None:
    async def check() -> None:
        number = await elsewhere(lambda: Room.objects.get(name="ops").pk)
        await elsewhere(renamed, bob)
        await elsewhere(services.create_room, "ops")
        async with Site() as site:
            for query, name in ((f"&number={number}", "operations"), ("", "ops"), ("&number=999", "ops")):
                assert await room_at(site, bob, query) == name, query
            for query in ("&number=-1", "&number=x", "&number=" + "9" * 40, "&number=٣", "&number="):
                assert await room_at(site, bob, query) == "ops", query

    asyncio.run(check())


async def room_at(site: Site, user: User, query: str) -> str:
    """The room in which a page arrives that knows it as ops."""
    async with site.connected("/ws/chat/ops/", user, f"v=1{query}".encode()) as full:
        full.say(type="hello")
        opened = await full.only("open")
        return str(opened["room"])
