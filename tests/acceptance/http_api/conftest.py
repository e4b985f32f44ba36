"""A site for the tests of one file, with the room newbox."""

from collections.abc import Iterator

import pytest

from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.site import ChatSite


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """It logs no traceback, whatever its guests do."""
    with ChatSite(env={"CHAT_RATE": "off", "CHAT_HISTORY_RATE": "off"}) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site
        assert "Traceback" not in site.stderr, site.stderr


@pytest.fixture(scope="module")
def guest(site: ChatSite) -> Guest:
    """It may read and write in public rooms."""
    return Guest(site, token(site, "guest", "--room", "*"))
