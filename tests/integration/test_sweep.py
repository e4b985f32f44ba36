"""Who may not be in a room any more is shown out although his socket was open, on every server, within seconds."""

import asyncio
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, User

from chatcore import services
from chatcore.clock import Clock
from chatcore.history.standing import refused_readers
from chatcore.models import Room, Sanction
from chatcore.permissions import GUEST, SYSTEM, Actor, actor_for
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
            clock = Clock(site.hub)
            clock.start()
            async with site.hello("ops", bob) as full, site.socket("ops", bob, full=False) as plain:
                await full.only("open")
                await elsewhere(happens, bob)
                for client in (full, plain):
                    assert await shown_out(client) == refusal
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
    assert refused_readers(visitors).keys() == {(ops.pk, str(bob.pk)), (news.id, str(bob.pk))}
    Room.objects.filter(pk=news.id).update(private=True)
    assert (news.id, "") in refused_readers(visitors)
    assert actor_for(AnonymousUser()) == GUEST


def test_many_people_cost_few_queries(bob: User, django_assert_max_num_queries: Callable[[int], object]) -> None:
    ops = Room.objects.get(name="ops")
    crowd = [Actor("user", str(1000 + number), f"user{number}", f"user{number}") for number in range(3000)]
    with django_assert_max_num_queries(7):  # type: ignore[attr-defined]
        assert len(refused_readers({ops.pk: crowd})) == 3000
