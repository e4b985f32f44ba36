"""A PostgreSQL server of a test's own: in a temporary folder, on a free port, started, stopped and killed at will."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import pytest

from tests.acceptance.machines import Machine
from tests.acceptance.valkeys import free_port
from tests.waiting import DEADLINE_S, wait_until


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; Debian keeps them out of the search path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


#: For tests that need it.
needs_postgresql = [
    pytest.mark.postgres,
    pytest.mark.skipif(programs() is None, reason="needs PostgreSQL's programs (initdb, postgres)"),
]


class PostgreSQL:
    """Runs while the context is open, unless it is stopped. It refuses to run as root: then it runs as `postgres`."""

    def __init__(self, machine: Machine | None = None) -> None:
        """`machine`: where it runs, if not here."""
        self.port = free_port()
        self.host, self._machine = machine.address if machine else "127.0.0.1", machine
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgres://{self._account}@{self.host}:{self.port}/chat"

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._account)
        fast = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        self._run("initdb", "-D", str(self._data), "-U", self._account, *fast)
        if self._machine:
            with (self._data / "pg_hba.conf").open("a") as file:
                file.write("host all all samenet trust\n")
        self.start()
        with self.connect("postgres") as connection:
            connection.execute("CREATE DATABASE chat")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Run it, and wait until it answers."""
        options = ["-p", str(self.port), "-c", f"listen_addresses={self.host}", "-k", str(self._folder)]
        command, user = [self._program("postgres"), "-D", str(self._data), *options], self._user
        if self._machine:
            command, user = self._machine.command(*command, user=self._account), None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, user=user
            )
        wait_until(self._answers, "PostgreSQL's answer")

    @property
    def pid(self) -> int:
        """Of the first process, of which all others are children."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """At once, with all its connections (`pg_ctl stop -m fast`); it may be stopped already."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(DEADLINE_S)

    def connect(self, database: str = "chat") -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of the test's own, without a transaction."""
        return psycopg.connect(host=self.host, port=self.port, dbname=database, user=self._account, autocommit=True)

    def kill_connections(self) -> int:
        """End all others' connections, as an administrator does; how many."""
        with self.connect() as connection:
            killed = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = 'chat' AND pid <> pg_backend_pid()"
            )
            return len(killed.fetchall())

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _user(self) -> str | None:
        return self._account if os.geteuid() == 0 else None

    def _program(self, name: str) -> str:
        folder = programs()
        assert folder is not None
        return str(folder / name)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [self._program(name), *arguments], check=True, capture_output=True, cwd=self._folder, user=self._user
        )
