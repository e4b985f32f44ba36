"""The API through the proxies of deploy/: TLS, and streams that nobody holds back."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.http_api.guest import token
from tests.acceptance.nginx import HOST
from tests.acceptance.proxies import Proxy, ShippedCaddy, ShippedNginx
from tests.acceptance.site import ChatSite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: apt-get install curl"),
]


@pytest.fixture(params=[ShippedNginx, ShippedCaddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Proxy:
    kind: type[Proxy] = request.param
    return kind(tmp_path)


@pytest.fixture
def curl(proxy: Proxy) -> Iterator[list[str]]:
    """curl with a token, before a site behind the proxy; what is appended begins with the path."""
    with ChatSite(env={"CHAT_PUBLIC_URL": proxy.origin, "CHAT_TRUSTED_PROXIES": "127.0.0.1"}) as site:
        site.manage("create_room", "newbox")
        headers = proxy.folder / "headers"
        headers.write_text(f"Authorization: Bearer {token(site, 'guest', '--room', 'newbox')}\n")
        proxy.upstreams = (site.port, site.port)
        with proxy:
            yield ["curl", "-sS", "--fail-with-body", "--cacert", str(proxy.certificate), "-H", f"@{headers}",
                   "--resolve", f"{HOST}:{proxy.port}:127.0.0.1"]  # fmt: skip


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_each_message_comes_through_before_the_next_is_sent(proxy: Proxy, curl: list[str], accept: str) -> None:
    room = f"{proxy.origin}/api/rooms/newbox"
    words = [*curl, "-N", "-H", f"Accept: {accept}", f"{room}/stream?after=0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        for number in range(3):
            post = [*curl, "-d", f"through the proxy {number}", f"{room}/messages"]
            answer = json.loads(subprocess.run(post, check=True, capture_output=True).stdout)
            assert answer["message"]["seq"] == number + 1
            assert next(line for line in following.stdout if f"through the proxy {number}" in line)
        following.terminate()
