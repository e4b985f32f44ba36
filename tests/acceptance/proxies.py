"""The proxies of deploy/, with the configuration that is shipped there, before sites on this machine."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pytest

from tests.acceptance.certificate import self_signed
from tests.acceptance.nginx import HOST, NGINX, free_port, nginx_around
from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, wait_until

DEPLOY = PROJECT / "deploy"


def replaced(text: str, pieces: dict[str, str]) -> str:
    """A shipped file with these pieces, each of which it must have once, replaced as its reader does."""
    for piece, other in pieces.items():
        assert text.count(piece) == 1, f"{piece!r} is there {text.count(piece)} times"
        text = text.replace(piece, other)
    return text


class Proxy:
    """Serves `https://chat.example.org:PORT` from servers on this machine, as a context manager."""

    program: ClassVar[str | None]
    package: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.plain_port = folder, free_port(), free_port()
        self.origin = f"https://{HOST}:{self.port}"
        self.certificate, self.key = self_signed(folder, HOST, "localhost")
        #: The ports of its two servers, or the paths of their sockets.
        self.upstreams: Sequence[int | Path] = ()
        #: Pieces of the shipped file that somebody has changed.
        self.changed: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def tls(self) -> ssl.SSLContext:
        """For its clients, who believe its certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def __enter__(self) -> Self:
        if self.program is None:
            pytest.skip(f"needs {self.package}: apt-get install {self.package}")
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self.program, *self.arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        wait_until(lambda: self._listens(self.port), f"{self.package}'s port")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(DEADLINE_S)

    def arguments(self) -> list[str]:
        """Write its configuration; what it is started with."""
        raise NotImplementedError

    def _listens(self, port: int) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0


class ShippedNginx(Proxy):
    program, package = NGINX, "nginx-light"

    def arguments(self) -> list[str]:
        one, two = (f"unix:{place}" if isinstance(place, Path) else f"127.0.0.1:{place}" for place in self.upstreams)
        block = replaced(
            (DEPLOY / "nginx/roomline.conf").read_text(),
            {
                "server 127.0.0.1:8000 ": f"server {one} ",
                "server 127.0.0.1:8001 ": f"server {two} ",
                "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
                "listen [::]:80;": "",
                "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
                "listen [::]:443 ssl;": "",
                "/etc/ssl/chat.example.org.pem": str(self.certificate),
                "/etc/ssl/chat.example.org.key": str(self.key),
                **self.changed,
            },
        )
        file = self.folder / "nginx.conf"
        file.write_text(nginx_around(self.folder, block))
        return ["-p", str(self.folder), "-c", str(file)]


class ShippedCaddy(Proxy):
    program, package = shutil.which("caddy"), "caddy"

    def arguments(self) -> list[str]:
        one, two = (f"unix/{place}" if isinstance(place, Path) else f"127.0.0.1:{place}" for place in self.upstreams)
        settings = f"admin off\n\tstorage file_system {self.folder}/caddy\n\thttp_port {self.plain_port}\n"
        site = replaced(
            (DEPLOY / "caddy/Caddyfile").read_text(),
            {
                "\nchat.example.org {": f"\nhttps://{HOST}:{self.port} {{\n\tbind 127.0.0.1\n"
                f"\ttls {self.certificate} {self.key}",
                "reverse_proxy 127.0.0.1:8000 127.0.0.1:8001 {": f"reverse_proxy {one} {two} {{",
            },
        )
        file = self.folder / "Caddyfile"
        file.write_text(f"{{\n\t{settings}}}\n{site}")
        return ["run", "--config", str(file), "--adapter", "caddyfile"]
