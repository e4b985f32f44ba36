"""A real nginx in front of a site, with the configuration that docs/operations.md recommends."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.acceptance.certificate import self_signed
from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, wait_until

HOST = "chat.example.org"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
#: Around the documented block: what a distribution's nginx.conf has, within one folder.
AROUND = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{block}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def nginx_around(folder: Path, block: str) -> str:
    """A whole configuration with this block in it, for an nginx that keeps to the folder."""
    user = "user root;" if os.geteuid() == 0 else ""  # whose the folder is
    return AROUND.format(user=user, folder=folder, block=block)


def documented(replaced: dict[str, str]) -> str:
    """The block of the documentation, with these pieces, each of which it must have, replaced."""
    found = re.search(r"```nginx\n(.*?)```", (PROJECT / "docs/operations.md").read_text(), re.S)
    assert found is not None
    block = found[1]
    for piece, other in replaced.items():
        assert block.count(piece) == 1, piece
        block = block.replace(piece, other)
    return block


class Nginx:
    """Serves https://chat.example.org:PORT/ from a site on this machine, as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"https://{HOST}:{self.port}/"
        self.certificate, self._key = self_signed(folder, HOST)
        self._process: subprocess.Popen[bytes] | None = None
        self.site_port = 0

    def __enter__(self) -> Self:
        if NGINX is None:
            pytest.skip("no nginx on this machine: apt-get install nginx-light")
        block = documented(
            {
                "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
                "/etc/ssl/chat.example.org.pem": str(self.certificate),
                "/etc/ssl/chat.example.org.key": str(self._key),
                "http://127.0.0.1:8000": f"http://127.0.0.1:{self.site_port}",
            }
        )
        file = self.folder / "nginx.conf"
        file.write_text(nginx_around(self.folder, block))
        self._process = subprocess.Popen([NGINX, "-p", str(self.folder), "-c", str(file)], stdin=subprocess.DEVNULL)
        wait_until(self._listens, "nginx")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(DEADLINE_S)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "error.log").read_text()
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0
