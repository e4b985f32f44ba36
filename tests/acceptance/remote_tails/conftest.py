"""A site for the tests of one file, with the room newbox, and a token for it."""

from collections.abc import Iterator

import pytest

from tests.acceptance.http_api.guest import Guest
from tests.acceptance.remote_tails.tails import token_file
from tests.acceptance.site import ChatSite


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


@pytest.fixture(scope="module")
def way(site: ChatSite) -> list[str]:
    """The options by which the site is reached."""
    return ["--server", site.url, "--token-file", str(token_file(site, "tails", "--room", "*"))]


@pytest.fixture(scope="module")
def guest(site: ChatSite, way: list[str]) -> Guest:
    """Somebody who posts."""
    with open(way[-1]) as file:  # noqa: PTH123  a path of ours
        return Guest(site, file.read().strip())
