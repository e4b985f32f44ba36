"""A running site for each fault, with a room and some people."""

from collections.abc import Iterator

import pytest

from tests.acceptance.site import ChatSite


@pytest.fixture
def site() -> Iterator[ChatSite]:
    """With the room `newbox`, and nobody held up by how fast people may post."""
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        site.manage("create_room", "newbox")
        yield site


@pytest.fixture
def cookies(site: ChatSite) -> list[str]:
    """Of fifty people, enough for a thousand sockets."""
    return site.sign_in(*(f"person{number}" for number in range(50)))
