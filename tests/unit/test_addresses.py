"""Where the site is reached and through whom."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.addresses import allowed_hosts, public_url, trusted_proxies
from chatproject.environment import Environment


def environment(value: str) -> Environment:
    return Environment(Path("/nonexistent/roomline.env"), {"CHAT_X": value})


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://chat.example.org", "https://chat.example.org"),
        ("https://Chat.Example.org/", "https://chat.example.org"),
        ("https://chat.example.org:443", "https://chat.example.org"),
        ("http://intranet:8000", "http://intranet:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
    ],
)
def test_a_public_url_becomes_the_origin_that_browsers_send(value: str, origin: str) -> None:
    assert public_url(environment(value), "CHAT_X") == origin


@pytest.mark.parametrize(
    "value",
    [
        "chat.example.org",
        "ftp://chat.example.org",
        "https://",
        "https://example.org/chat",
        "https://example.org?x",
        "https://example.org#x",
        "https://me@example.org",
        "https://exa mple.org",
        "https://*",
        "https://.example..org",
        "https://example.org:99999",
    ],
)
def test_a_public_url_that_is_no_origin_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"https://chat\.example\.org"):
        public_url(environment(value), "CHAT_X")


def test_only_this_machine_is_answered_without_a_public_url() -> None:
    assert allowed_hosts(None) == ["localhost", "127.0.0.1", "[::1]"]


def test_the_public_host_is_answered_beside_this_machine() -> None:
    assert allowed_hosts("https://chat.example.org:8443")[0] == "chat.example.org"
    assert allowed_hosts("http://[2001:db8::1]") == ["[2001:db8::1]", "localhost", "127.0.0.1", "[::1]"]


def test_proxies_are_addresses_networks_or_the_peers_of_a_unix_socket() -> None:
    assert trusted_proxies(environment("127.0.0.1, 10.0.0.0/8 unix"), "CHAT_X") == ["127.0.0.1", "10.0.0.0/8", "unix"]


@pytest.mark.parametrize("value", ["proxy.example.org", "10.0.0.0/99", "*", "127.0.0.1:80"])
def test_a_proxy_that_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="expected addresses, networks"):
        trusted_proxies(environment(value), "CHAT_X")
