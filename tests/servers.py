"""Runs a command with a PostgreSQL and a Valkey of its own, which end with it: those that tests/engines.py tells of.

usage: python -m tests.servers COMMAND ...      as in python -m tests.servers python -m pytest tests/integration
"""

import os
import signal
import subprocess
import sys

from tests.acceptance.postgresql import PostgreSQL
from tests.acceptance.valkeys import OwnValkey

#: The data are thrown away: no waiting for the disk. Three workers' sites and commands need many connections.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "500"}


def main(command: list[str]) -> int:
    """Runs it to its end; its exit code."""
    with PostgreSQL() as database, OwnValkey() as broker:
        with database.connect("postgres") as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
        database.stop()
        database.start()
        there = {"ROOMLINE_TEST_DATABASE_URL": database.url, "ROOMLINE_TEST_REDIS_URL": broker.url}
        sys.stderr.write("".join(f"{name}={value}\n" for name, value in there.items()))
        process = subprocess.Popen(command, env=os.environ | there)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's too, which then ends
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
