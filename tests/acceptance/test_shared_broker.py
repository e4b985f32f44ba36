"""Two sites on one broker never hear each other, however alike they are: by the prefix, and by each room's epoch."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.invariants import Ledger
from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import ChatSite
from tests.acceptance.valkeys import OwnValkey

pytestmark = [pytest.mark.valkey, pytest.mark.slow]


@pytest.fixture(params=["databases of two names", pytest.param("databases of one name", marks=needs_postgresql)])
def sites(request: pytest.FixtureRequest) -> Iterator[list[ChatSite]]:
    """Each with a room of the same name and the same number."""
    with ExitStack() as stack:
        env = {"CHAT_REDIS_URL": stack.enter_context(OwnValkey()).url, "CHAT_RATE": "off"}
        sites = []
        for _ in range(2):
            if request.param == "databases of one name":
                env["DATABASE_URL"] = stack.enter_context(PostgreSQL()).url
            sites.append(stack.enter_context(ChatSite(env=env)))
            assert sites[-1].manage("create_room", "newbox").returncode == 0
        yield sites


def test_nothing_that_is_said_or_typed_on_one_is_on_the_other(sites: list[ChatSite]) -> None:
    ledger = Ledger()

    async def heard_here(site: ChatSite, reader: Reader, other: Reader, names: set[str]) -> None:
        """What is typed and said here is here, and there only what is said there later."""
        await reader.send({"type": "typing"})
        await reader.until(lambda: reader.typing == names, "that somebody types")
        done = await asyncio.to_thread(site.manage, "chat_send", "newbox", "said", "--wait", "pushed", "--json")
        assert json.loads(done.stdout)["delivered"] == 1, done.stdout
        await reader.until_seen(1)
        assert (other.view.messages, other.typing) == ({}, set())

    async def scenario() -> None:
        (first,), (second,) = sites[0].sign_in("alice"), sites[1].sign_in("bob")
        async with Reader(sites[0], "newbox", first) as alice, Reader(sites[1], "newbox", second) as bob:
            await heard_here(sites[0], alice, bob, {"alice"})
            await bob.send({"type": "send", "message": "of bob", "client_id": "1"})
            await bob.until_seen(1)
            assert [text for text, _ in alice.view.messages.values()] == ["said"]
            ledger.views.append(alice.view)
        ledger.check(sites[0])

    asyncio.run(scenario())
    for site in sites:
        assert site.stderr == ""
