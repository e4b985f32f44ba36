"""From where a browser may open a socket: decided in the handshake, before anything of the chat runs."""

import asyncio
from typing import Any

import pytest
from django.test import override_settings

from chatcore.origins import SameOrigin

HOST = b"chat.example.org:8000"
Headers = list[tuple[bytes, bytes]]


def admitted(headers: Headers) -> bool:
    """Whether a handshake with these headers gets through; one that does not is refused before it is accepted."""
    reached: list[str] = []
    sent: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    async def handshake() -> None:
        await SameOrigin(application)({"type": "websocket", "headers": headers}, receive, send)

    asyncio.run(handshake())
    assert sent == ([] if reached else [{"type": "websocket.close"}])
    return bool(reached)


def from_page(origin: bytes, host: bytes = HOST) -> bool:
    return admitted([(b"host", host), (b"origin", origin)])


@pytest.fixture(autouse=True)
def _site() -> Any:
    with override_settings(
        ALLOWED_HOSTS=["chat.example.org", "127.0.0.1", "[::1]"],
        CSRF_TRUSTED_ORIGINS=["https://portal.example.com"],
    ):
        yield


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (b"http://chat.example.org:8000", HOST),
        (b"https://chat.example.org", b"chat.example.org"),
        (b"https://CHAT.example.org", b"Chat.Example.Org"),
        (b"http://127.0.0.1:8000", b"127.0.0.1:8000"),
        (b"http://[::1]:8000", b"[::1]:8000"),
        (b"https://portal.example.com", HOST),
    ],
)
def test_the_site_s_own_pages_and_trusted_ones_may_connect(origin: bytes, host: bytes) -> None:
    assert from_page(origin, host)


def test_programs_send_no_origin() -> None:
    assert admitted([(b"host", HOST)])


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example", b"null", b"", b"http://chat.example.org", b"http://chat.example.org:8001",
        b"http://chat.example.org:8000.evil.example", b"http://chat.example.org:8000@evil.example",
        b"http://evil.example/chat.example.org:8000", b"http://evilchat.example.org:8000",
        b"http://xn--cht-8cd.example.org:8000", "http://ch\u0430t.example.org:8000".encode(),
        b"chat.example.org:8000", b"//chat.example.org:8000", b"file://chat.example.org:8000",
        b"javascript://chat.example.org:8000", b"http://[::1", b"http://portal.example.com",
        b"https://portal.example.com.evil.example", b"http://chat.example.org:8000 ", b"http://\xff:8000",
        b"http://127.0.0.1:8000",
    ],
)  # fmt: skip
def test_foreign_null_and_look_alike_origins_are_refused(origin: bytes) -> None:
    assert not from_page(origin)


@pytest.mark.parametrize(
    "host", [b"evil.example", b"chat.example.org.evil.example", b"", b"chat.example.org:x", b"a b", b"\xff"]
)
def test_a_forged_host_is_refused_even_if_the_origin_agrees(host: bytes) -> None:
    assert not from_page(b"http://" + host, host)
    assert not admitted([(b"host", host)])


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", HOST), (b"origin", b"http://" + HOST), (b"origin", b"https://evil.example")],
        [(b"host", HOST), (b"origin", b"http://" + HOST), (b"origin", b"http://" + HOST)],
        [(b"host", HOST), (b"host", b"evil.example")],
        [(b"host", HOST), (b"host", HOST)],
        [(b"origin", b"http://" + HOST)],
        [],
    ],
)
def test_doubled_and_missing_headers_are_refused(headers: Headers) -> None:
    assert not admitted(headers)


@override_settings(ALLOWED_HOSTS=[], DEBUG=True, CSRF_TRUSTED_ORIGINS=[])
def test_while_developing_this_machine_is_allowed() -> None:
    assert from_page(b"http://localhost:8000", b"localhost:8000")
    assert not from_page(b"http://chat.example.org:8000")


@override_settings(ALLOWED_HOSTS=[], DEBUG=False, CSRF_TRUSTED_ORIGINS=[])
def test_without_allowed_hosts_nobody_is() -> None:
    assert not from_page(b"http://localhost:8000", b"localhost:8000")
