"""`roomline` in a process of its own, as tests run it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.acceptance.site import PROJECT, ChatSite
from tests.waiting import DEADLINE_S

#: What says where a chat's data is.
_PLACES = ("CHAT_VAR_DIR", "CHAT_RUN_DIR", "DATABASE_URL", "CHAT_REDIS_URL", "DJANGO_SETTINGS_MODULE")


def environment(site: ChatSite) -> dict[str, str]:
    """Nothing in it says where the project's data is."""
    return {**{name: value for name, value in site.env.items() if name not in _PLACES}, "PYTHONPATH": str(PROJECT)}


def roomline(
    site: ChatSite, *arguments: str, input: bytes | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """The program, run to its end; without `input` its stdin is /dev/null."""
    done = subprocess.run(
        [sys.executable, "-m", "chatcli.remote", *arguments], stdin=subprocess.DEVNULL if input is None else None,
        input=input, capture_output=True, env={**environment(site), **(env or {})}, cwd="/", timeout=DEADLINE_S,
        check=False,
    )  # fmt: skip
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def socket_of(site: ChatSite) -> str:
    """The path of the server's own socket."""
    return str(site.var_dir / "run" / "api.sock")


def token_file(site: ChatSite, name: str, *options: str) -> Path:
    """The file with a new token, which nobody else may read."""
    made = site.manage("chat_token", "create", name, *options)
    assert made.returncode == 0, made.stderr
    path = site.var_dir / f"{name}.token"
    path.touch(0o600)
    path.write_text(made.stdout)
    return path
