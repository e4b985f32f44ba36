"""Whether anything can be written now: asked by writing nothing."""

from contextlib import closing

import pytest
from django.db import connection

from chatcore.exceptions import Unavailable
from chatcore.services.transaction import writing
from chatcore.services.upkeep import check_writable
from tests.integration.conftest import Elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_database_that_can_be_written_is_left_as_it_is(elsewhere: Elsewhere) -> None:
    with closing(connection.cursor()) as cursor:
        before = cursor.execute("PRAGMA data_version").fetchone() if connection.vendor == "sqlite" else None
        elsewhere(check_writable, timeout=5)
        after = cursor.execute("PRAGMA data_version").fetchone() if connection.vendor == "sqlite" else None
    assert before == after


@pytest.mark.sqlite("other databases have many writers")
def test_while_another_program_writes_it_is_unavailable(elsewhere: Elsewhere) -> None:
    with writing(5, lambda batches: None), pytest.raises(Unavailable):
        elsewhere(check_writable, timeout=0.05)
    elsewhere(check_writable, timeout=5)


def test_a_database_that_may_only_be_read_cannot_be_written() -> None:
    setting = {"sqlite": "PRAGMA query_only", "postgresql": "SET default_transaction_read_only"}[connection.vendor]
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"{setting} = on")
        try:
            with pytest.raises(Unavailable, match=r"cannot be written|read-only"):
                check_writable(timeout=5)
        finally:
            cursor.execute(f"{setting} = off")
