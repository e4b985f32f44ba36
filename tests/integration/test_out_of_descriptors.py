"""A process without descriptors for a connection to PostgreSQL, whose driver does not call that its own trouble."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection

from chatcore.history import RoomView
from tests import engines
from tests.waiting import DEADLINE_S


@pytest.mark.on_postgresql("SQLite's driver says it as any trouble of its own")
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_system_refuses_is_the_database_s_trouble(newbox: RoomView) -> None:
    url = engines.named(engines.DATABASE_URL, str(connection.settings_dict["NAME"]))
    command = [sys.executable, "-m", "tests.integration.out_of_descriptors", str(newbox.id)]
    done = subprocess.run(
        command, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, timeout=3 * DEADLINE_S
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("watch") == [
        "the database does not answer (Too many open files); readers wait for it",
        "the database answers again",
    ]
    refused = "the database does not answer (Too many open files): nothing was stored, try again"
    assert found == {
        "before": "connected",
        "thread": refused,
        "page": refused,
        "other code": "OSError",
        "after": "connected",
    }
    assert "Traceback" not in done.stderr
