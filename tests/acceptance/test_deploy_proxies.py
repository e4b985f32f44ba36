"""Real traffic through the proxies of deploy/ to two real servers: pages, sockets, and one of the servers gone."""

import asyncio
import http.client
import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.acceptance.nginx import HOST
from tests.acceptance.proxies import Proxy, ShippedCaddy, ShippedNginx
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow


@pytest.fixture(params=[ShippedNginx, ShippedCaddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Proxy:
    kind: type[Proxy] = request.param
    return kind(tmp_path)


@pytest.fixture
def sites(proxy: Proxy) -> Iterator[tuple[ChatSite, ChatSite]]:
    env = {"CHAT_PUBLIC_URL": proxy.origin, "CHAT_TRUSTED_PROXIES": "127.0.0.1", "CHAT_METRICS": "local"}
    with ChatSite(env=env) as one, ChatSite(beside=one) as two:
        proxy.upstreams = (one.port, two.port)
        with proxy:
            one.manage("create_room", "newbox")
            yield one, two


class Answer(NamedTuple):
    status: int
    location: str
    text: str


def get(proxy: Proxy, path: str, cookie: str = "", body: bytes | None = None) -> Answer:
    """What the proxy answers to a browser, over TLS; with a body it is a POST."""
    client = http.client.HTTPSConnection(HOST, proxy.port)
    plain = socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S)
    client.sock = proxy.tls().wrap_socket(plain, server_hostname=HOST)
    with closing(client):
        client.request("GET" if body is None else "POST", path, body=body, headers={"Cookie": cookie})
        answer = client.getresponse()
        return Answer(answer.status, answer.headers.get("Location", ""), answer.read().decode(errors="replace"))


async def opened(proxy: Proxy, cookie: str) -> ClientConnection:
    """A plain client's socket in newbox, through the proxy."""
    return await connect(
        f"wss://{HOST}:{proxy.port}/ws/chat/newbox/",
        host="127.0.0.1",
        port=proxy.port,
        ssl=proxy.tls(),
        origin=proxy.origin,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie},
        proxy=None,
    )


async def heard(page: ClientConnection, text: str) -> None:
    """Read until this message comes."""
    async with asyncio.timeout(DEADLINE_S):
        while json.loads(await page.recv()).get("message") != text:
            pass


def sockets_of(site: ChatSite) -> int:
    """How many sockets this server has, as it says itself."""
    with urllib.request.urlopen(f"{site.url}metrics", timeout=DEADLINE_S) as answer:
        text: str = answer.read().decode()
    return sum(int(float(count)) for count in re.findall(r"^roomline_sockets\{.*\} (\S+)$", text, re.M))


def test_people_on_both_servers_talk_and_when_one_stops_the_other_takes_over(
    proxy: Proxy, sites: tuple[ChatSite, ChatSite]
) -> None:
    one, two = sites
    [cookie] = one.sign_in("alice")
    assert get(proxy, "/chat/newbox/", cookie).status == 200

    async def check() -> None:
        pages = [await opened(proxy, cookie) for _ in range(6)]
        assert (sockets_of(one), sockets_of(two)) == (3, 3), "the proxy sends people to both"
        await pages[0].send(json.dumps({"message": "from a page"}))
        for page in pages:
            await heard(page, "from a page")

        assert await asyncio.to_thread(one.stop) == 0
        for ended in islice(asyncio.as_completed([page.wait_closed() for page in pages], timeout=DEADLINE_S), 3):
            await ended
        assert [page.close_code for page in pages].count(1012) == 3
        stayed = [page for page in pages if page.close_code is None]
        back = [await opened(proxy, cookie) for _ in range(6 - len(stayed))]
        answers = await asyncio.to_thread(lambda: [get(proxy, "/chat/newbox/", cookie).status for _ in range(10)])
        assert answers == [200] * 10
        assert sockets_of(two) == 6
        assert two.manage("chat_send", "-q", "newbox", "from a command").returncode == 0
        for page in (*stayed, *back):
            await heard(page, "from a command")
            await page.close()

    asyncio.run(asyncio.wait_for(check(), DEADLINE_S * 3))


def test_what_is_not_for_everybody_stays_inside(proxy: Proxy, sites: tuple[ChatSite, ChatSite]) -> None:
    assert get(proxy, "/metrics").status == 404
    if isinstance(proxy, ShippedNginx):  # Caddy leaves the size of bodies to the chat
        assert get(proxy, "/accounts/login/", body=b"x" * 1_100_000).status == 413
    assert json.loads(get(proxy, "/healthz").text)["status"] == "ok"
    plain = http.client.HTTPConnection("127.0.0.1", proxy.plain_port, timeout=DEADLINE_S)
    with closing(plain):
        plain.request("GET", "/chat/newbox/", headers={"Host": HOST})
        answer = plain.getresponse()
        assert answer.status in (301, 308)
        assert answer.headers["Location"].startswith(f"https://{HOST}")


def test_a_server_on_a_unix_socket_is_reached_too(proxy: Proxy) -> None:
    with ChatSite() as one:  # its folder has a short path
        path = one.var_dir / "web"
        env = {"CHAT_PUBLIC_URL": proxy.origin, "CHAT_TRUSTED_PROXIES": "unix"}
        with ChatSite(env=env, arguments=["--unix", str(path)], beside=one):
            one.manage("create_room", "newbox")
            [cookie] = one.sign_in("alice")
            proxy.upstreams = (path, path)
            with proxy:
                assert get(proxy, "/chat/newbox/", cookie).status == 200

                async def check() -> None:
                    page = await opened(proxy, cookie)
                    await page.send(json.dumps({"message": "by a socket"}))
                    await heard(page, "by a socket")
                    await page.close()

                asyncio.run(check())
