"""Sites that run: one for each test, or one that the tests of a file share."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.browsing import _cookies, _rooms, browser, people, room  # noqa: F401  fixtures
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK


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


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`figures("F1", clients=50, lost=0)` writes down what a test has measured.

    A line of JSON in the file that ROOMLINE_FIGURES names, with the test's name and size; without one, nothing.
    """

    def record(fault: str, /, **measured: object) -> None:
        if path := os.environ.get("ROOMLINE_FIGURES"):
            line = json.dumps({"fault": fault, "test": request.node.name, "size": SOAK, **measured})
            with Path(path).open("a") as file:
                file.write(f"{line}\n")

    return record
