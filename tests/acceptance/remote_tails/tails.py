"""`roomline tail` in a process of its own, as tests start it, and what it prints."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.acceptance.site import PROJECT, ChatSite
from tests.waiting import DEADLINE_S, wait_until


def roomline(*arguments: str) -> list[str]:
    """The command line, for where the program is not installed."""
    return [sys.executable, "-m", "chatcli.remote", *arguments]


def environment(site: ChatSite) -> dict[str, str]:
    """Nothing in it says where the project's data is."""
    hidden = ("CHAT_VAR_DIR", "CHAT_RUN_DIR", "DATABASE_URL", "CHAT_REDIS_URL", "DJANGO_SETTINGS_MODULE")
    return {**{key: value for key, value in site.env.items() if key not in hidden}, "PYTHONPATH": str(PROJECT)}


def done(site: ChatSite, *arguments: str, timeout: float = DEADLINE_S) -> "subprocess.CompletedProcess[str]":
    """The program, run to its end."""
    return subprocess.run(
        roomline(*arguments), stdin=subprocess.DEVNULL, capture_output=True, env=environment(site), cwd="/",
        text=True, timeout=timeout, check=False,
    )  # fmt: skip


class Tail:
    """A `roomline tail --json` that runs."""

    def __init__(self, site: ChatSite, *arguments: str) -> None:
        self.process = subprocess.Popen(
            roomline("tail", "--json", *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(site), cwd="/", text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.talk: list[str] = []
        self._threads = [
            threading.Thread(target=lambda s=stream, kept=lines: kept.extend(s), daemon=True)
            for stream, lines in ((self.process.stdout, self.lines), (self.process.stderr, self.talk))
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE_S)

    def found(self) -> list[dict[str, Any]]:
        """What it has printed so far."""
        return [json.loads(line) for line in list(self.lines)]

    def texts(self) -> list[str]:
        """The texts of messages, and the reasons of gaps."""
        return [item["reason"] if item["type"] == "gap" else item["message"] for item in self.found()]

    def until(self, expected: Sequence[str]) -> None:
        """Wait until so much is there, which must be this."""
        wait_until(
            lambda: len(self.lines) >= len(expected) or self.process.poll() is not None,
            f"{len(expected)} records; there are {len(self.lines)}: {self.lines[-3:]}, {self.talk}",
        )
        assert self.texts() == list(expected), self.talk

    def ended(self) -> int:
        """The exit code, once it has ended by itself."""
        code = self.process.wait(DEADLINE_S)
        for thread in self._threads:
            thread.join(DEADLINE_S)
        return code

    def stop(self) -> None:
        self.process.terminate()
        assert self.ended() == -15, self.talk


def token_file(site: ChatSite, name: str, *options: str) -> Path:
    """The file with a new token."""
    made = site.manage("chat_token", "create", name, *options)
    assert made.returncode == 0, made.stderr
    path = site.var_dir / f"{name}.token"
    path.touch(0o600)
    path.write_text(made.stdout)
    return path
