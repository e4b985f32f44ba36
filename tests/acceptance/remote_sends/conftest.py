"""A site with two rooms, for the tests of one file."""

from collections.abc import Iterator

import pytest

from tests.acceptance.site import ChatSite


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """It logs no traceback, whatever it is sent."""
    with ChatSite() as site:
        for room in ("newbox", "ops"):
            assert site.manage("create_room", room).returncode == 0
        yield site
        assert "Traceback" not in site.stderr, site.stderr
