"""A real site for a test: a server in a process of its own, on a free port, with its own data; and its commands.

The server is `runchat`, or the one that tests/engines.py names.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests import engines
from tests.acceptance.own_database import OwnDatabase
from tests.waiting import DEADLINE_S, wait_until

PROJECT = Path(__file__).resolve().parent.parent.parent
#: The settings for tests of the server alone, with the small application of `echo`.
ECHO = {"DJANGO_SETTINGS_MODULE": "tests.acceptance.echo_settings"}
READY = {
    "runchat": re.compile(r'^(?:{.*")?Ready: .*?http://(\S+):(\d+)/', re.MULTILINE),
    "uvicorn": re.compile(r"Uvicorn running on http://(\S+):(\d+) "),
}
SIGN_IN = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.backends.db import SessionStore
from django.conf import settings
for name in {names!r}:
    user, _ = get_user_model().objects.get_or_create(
        username=name, defaults={{"password": PBKDF2PasswordHasher().encode({password!r}, "salt", iterations=1)}}
    )
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session.save()
    print(f"{{settings.SESSION_COOKIE_NAME}}={{session.session_key}}")
"""


class ChatSite:
    """A site that is not running yet. As a context manager it starts, and at the end stops and removes its data.

    It may be stopped or killed and started again: it keeps its port and its data.
    """

    password = "a long enough password"

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        beside: "ChatSite | None" = None,
        server: str = engines.SERVER,
        migrated: bool = True,
    ) -> None:
        """`env` and `arguments` are for the server, and `env` for the commands too.

        `beside`: a second server on that site's data and in its environment, closed before that one.
        `migrated=False`: for tests that make the tables; where databases are made by copying they are there by itself.
        """
        self.beside = beside
        if beside is None:
            self.var_dir = Path(tempfile.mkdtemp(prefix="chat-"))  # a short path: a unix socket must fit below it
            self.env = {**os.environ, "CHAT_VAR_DIR": str(self.var_dir)}
            if engines.REDIS_URL:
                self.env["CHAT_REDIS_URL"] = engines.REDIS_URL
        else:
            self.var_dir, self.env = beside.var_dir, dict(beside.env)
        self.env.update(env or {})
        self.database = None
        if engines.DATABASE_URL and beside is None and "DATABASE_URL" not in (env or {}):
            self.database = OwnDatabase(migrated)
            self.env["DATABASE_URL"] = self.database.url
        self.server, self.arguments = server, list(arguments)
        self.host, self.port = "127.0.0.1", 0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The server

    def start(self) -> None:
        """Run the server and wait for its ready line."""
        seen = len(self._said())
        self.launch()
        assert self.process is not None
        ready = wait_until(
            lambda: self.ended() or READY[self.server].search(self._said(), seen), f"{self.server}'s ready line"
        )
        if not isinstance(ready, re.Match):
            raise RuntimeError(f"{self.server} ended with {self.process.returncode}: {self.stderr or self.stdout}")
        self.host, self.port = ready[1], int(ready[2])

    def launch(self) -> None:
        """Run the server and do not wait: for those that shall not get ready."""
        command, folder = self.command("runchat", "--migrate", *self.arguments, f"{self.host}:{self.port}"), "/"
        if self.server == "uvicorn":
            migrated = self.manage("migrate", "-v0")
            assert migrated.returncode == 0, migrated.stderr
            command, folder = self.uvicorn_command(), str(PROJECT)
        with self._log("out").open("ab") as stdout, self._log("err").open("ab") as stderr:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=self.env, cwd=folder
            )

    def uvicorn_command(self) -> list[str]:
        """As docs/operations.md has it, but its pings: the tests' plainest clients answer none."""
        command = [sys.executable, "-m", "uvicorn", "chatproject.asgi:application", "--no-proxy-headers"]
        command += ["--lifespan", "on", "--ws", "websockets-sansio", "--timeout-graceful-shutdown", "5"]
        command += ["--ws-max-size", self.env.get("CHAT_FRAME_BYTES", "65536"), "--ws-ping-interval", "600"]
        return [*command, "--host", self.host, "--port", str(self.port), *self.arguments]

    def _said(self) -> str:
        """Where the ready line comes."""
        return self.stdout if self.server == "runchat" else self.stderr

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it in order; the exit code. SIGINT is what Ctrl-C sends.

        uvicorn ends by the signal itself, once all is done: that is 0 too.
        """
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        return 0 if self.server == "uvicorn" and code == -number else code

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def close(self) -> None:
        """End it, whatever its state, and remove its data."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        if self.database is not None:
            self.database.drop()
        if self.beside is None:
            shutil.rmtree(self.var_dir, ignore_errors=True)

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def stdout(self) -> str:
        """What all runs of the server have printed so far."""
        return self._log("out").read_text() if self._log("out").exists() else ""

    @property
    def stderr(self) -> str:
        return self._log("err").read_text() if self._log("err").exists() else ""

    def _log(self, name: str) -> Path:
        return self.var_dir / f"runchat{f'-{id(self):x}' if self.beside else ''}.{name}"

    # Where it is

    @property
    def url(self) -> str:
        """With a slash at the end."""
        return f"http://{self.host}:{self.port}/"

    def ws_url(self, room: str) -> str:
        """The socket of a room, for a plain client; a full one adds `?v=1`."""
        return f"ws://{self.host}:{self.port}/ws/chat/{room}/"

    @property
    def broker_socket(self) -> Path:
        return self.var_dir / "run" / "valkey.sock"

    def broker_pid(self) -> int:
        """The process id of the broker that answers; 0 if none does."""
        return broker_pid(self.broker_socket)

    # Commands

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(PROJECT / "manage.py"), *arguments]

    def manage(
        self,
        *arguments: str,
        input: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = DEADLINE_S,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end. Without `input` its stdin is /dev/null."""
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            self.command(*arguments),
            stdin=subprocess.DEVNULL if data is None else None,
            input=data,
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd="/",
            timeout=timeout,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def popen(self, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Run a command that goes on, such as `chat_tail`, with pipes for what it prints."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.env, **(env or {})},
            cwd="/",
            text=True,
        )

    def sign_in(self, *names: str) -> list[str]:
        """Accounts of these names, made if need be with `password`: the Cookie header of a fresh session for each."""
        done = self.manage("shell", "-v0", "-c", SIGN_IN.format(names=names, password=self.password))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()


def broker_info(path: Path) -> dict[str, Any]:
    """What the broker at this socket says of itself; empty if none answers."""
    try:
        with redis.Redis(unix_socket_path=str(path), socket_timeout=DEADLINE_S, retry=Retry(NoBackoff(), 0)) as client:
            return dict(client.info("server"))
    except (redis.ConnectionError, redis.TimeoutError):
        return {}


def broker_pid(path: Path) -> int:
    """The process id of the broker that answers at this socket; 0 if none does."""
    return int(broker_info(path).get("process_id", 0))


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
