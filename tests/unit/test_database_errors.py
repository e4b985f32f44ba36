"""What the databases' own words are to people."""

import pytest
from django.db import InterfaceError, OperationalError

from chatcore.database import explained


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("deadlock detected\nDETAIL:  Process 1 waits for ShareLock", "others wrote the same at the same time"),
        ("could not serialize access due to concurrent update", "others wrote the same at the same time"),
        ("canceling statement due to statement timeout", "the database is too busy"),
        ("canceling statement due to lock timeout", "the database is locked by another program"),
        ("database is locked", "the database is locked by another program"),
        ("terminating connection due to idle-in-transaction timeout", "the database does not answer"),
    ],
)
def test_a_write_that_the_database_gives_up_says_that_nothing_was_stored(reason: str, said: str) -> None:
    found = explained(OperationalError(reason))
    assert found.code == "unavailable"
    assert str(found).startswith(said)
    assert "nothing was stored, try again" in str(found)


def test_a_connection_that_is_gone_is_a_database_that_does_not_answer() -> None:
    assert str(explained(InterfaceError("connection already closed"))).startswith("the database does not answer")
