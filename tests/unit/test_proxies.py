"""Whose X-Forwarded headers are believed, and what of them."""

import asyncio
from typing import Any

import pytest

from chatproject.proxies import TrustedProxies

PROXY, OTHER_PROXY, CLIENT, LIAR = "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.66"


def seen(
    proxies: list[str], headers: list[tuple[str, str]], peer: str | None = PROXY, kind: str = "http"
) -> tuple[str | None, str]:
    """The client's address and the scheme that the application behind sees."""
    scopes: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scopes.append(scope)

    scope = {
        "type": kind,
        "scheme": {"http": "http", "websocket": "ws"}.get(kind),
        "client": None if peer is None else [peer, 1234],
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    asyncio.run(TrustedProxies(application, proxies)(scope, None, None))
    client = scopes[0]["client"]
    return client and client[0], scopes[0]["scheme"]


def forwarded(addresses: str, scheme: str = "https") -> list[tuple[str, str]]:
    return [("x-forwarded-for", addresses), ("x-forwarded-proto", scheme)]


def test_a_trusted_proxy_says_who_the_client_is_and_how_he_came() -> None:
    assert seen([PROXY], forwarded(CLIENT)) == (CLIENT, "https")
    assert seen(["10.0.0.0/8"], forwarded(CLIENT), kind="websocket") == (CLIENT, "wss")
    assert seen([PROXY], forwarded(CLIENT, "http")) == (CLIENT, "http")


def test_a_stranger_is_not_believed() -> None:
    assert seen([PROXY], forwarded(CLIENT), peer=LIAR) == (LIAR, "http")
    assert seen([], forwarded(CLIENT)) == (PROXY, "http")


def test_what_a_client_writes_into_the_header_himself_is_not_believed() -> None:
    assert seen([PROXY], forwarded(f"{LIAR}, {CLIENT}"))[0] == CLIENT


def test_proxies_in_a_row_are_all_skipped() -> None:
    assert seen(["10.0.0.0/8"], forwarded(f"{LIAR}, {CLIENT}, {OTHER_PROXY}"))[0] == CLIENT


def test_headers_that_come_twice_count_as_one_list() -> None:
    twice = [("x-forwarded-for", LIAR), ("x-forwarded-for", CLIENT)]
    assert seen([PROXY], twice)[0] == CLIENT


def test_a_client_inside_the_trusted_network_keeps_his_own_address() -> None:
    assert seen(["10.0.0.0/8"], forwarded("10.0.0.9"))[0] == "10.0.0.9"


@pytest.mark.parametrize("nonsense", ["", "unknown", "_hidden", "1.2.3", "a" * 5000, "\x00", "%00", "::1::"])
def test_nonsense_leaves_the_proxy_as_the_client(nonsense: str) -> None:
    assert seen([PROXY], forwarded(nonsense, nonsense)) == (PROXY, "http")


@pytest.mark.parametrize("written", [f"{CLIENT}:5678", f"[::ffff:{CLIENT}]:5678", f"::ffff:{CLIENT}"])
def test_ports_and_mapped_addresses_are_taken_off(written: str) -> None:
    assert seen([PROXY], forwarded(written))[0] == CLIENT


def test_a_proxy_over_ipv6_is_recognised_by_its_ipv4_address() -> None:
    assert seen([PROXY], forwarded(CLIENT), peer=f"::ffff:{PROXY}")[0] == CLIENT


def test_the_peer_of_a_unix_socket_is_believed_only_when_named() -> None:
    assert seen(["unix"], forwarded(CLIENT), peer=None) == (CLIENT, "https")
    assert seen([PROXY], forwarded(CLIENT), peer=None) == (None, "http")


def test_closing_reaches_the_application_behind() -> None:
    class Application:
        closed = False

        async def close(self) -> None:
            self.closed = True

    application = Application()
    asyncio.run(TrustedProxies(application, []).close())
    assert application.closed
