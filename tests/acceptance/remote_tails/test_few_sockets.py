"""`roomline tail` where there are fewer sockets to be had than there are rooms, or none at all."""

from collections.abc import Iterator

import pytest

from tests.acceptance.http_api.guest import Guest
from tests.acceptance.remote_tails.tails import Tail
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOMS = ("newbox", "second", "third")


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """One socket for each token."""
    with ChatSite(env={"CHAT_SOCKETS_PER_PERSON": "1"}) as site:
        for room in ROOMS:
            assert site.manage("create_room", room, "-q").returncode == 0
        yield site


def test_rooms_without_a_socket_are_looked_at(guest: Guest, way: list[str]) -> None:
    for room in ROOMS:
        guest.post(room, f"first in {room}")
    with Tail(guest.site, *ROOMS, *way) as tail:
        wait_until(lambda: len(tail.lines) == 3, f"the backlog: {tail.talk}")
        for text in ("one", "two"):
            for room in ROOMS:
                guest.post(room, text)
        wait_until(lambda: len(tail.lines) == 9, f"all of it: {tail.lines}, {tail.talk}")
        for room in ROOMS:
            found = [item["message"] for item in tail.found() if item["room"] == room]
            assert found == [f"first in {room}", "one", "two"]
        tail.stop()
        assert tail.talk == []
