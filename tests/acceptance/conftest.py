"""Sites that run: one for each test, or one that the tests of a file share."""

from collections.abc import Iterator

import pytest

from tests.acceptance.browsing import _cookies, _rooms, browser, people, room  # noqa: F401  fixtures
from tests.acceptance.site import ChatSite


@pytest.fixture
def chat_site() -> Iterator[ChatSite]:
    """A running site of the test's own: it may be stopped, killed and started again."""
    with ChatSite() as site:
        yield site


@pytest.fixture(scope="module")
def shared_site() -> Iterator[ChatSite]:
    """A running site for the tests of one file, which leave it running and use rooms of their own."""
    with ChatSite() as site:
        yield site
