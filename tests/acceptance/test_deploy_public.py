"""`chat_check --deploy` at the site's public address: what it says of the shipped proxy, and of mistakes in one."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from chatcli.checking import public
from tests.acceptance.proxies import ShippedNginx
from tests.acceptance.site import ChatSite

pytestmark = pytest.mark.slow

#: The certificate of these tests is good for a day.
SOON = "chatcore.W162"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedNginx]:
    """Not started yet, before a site that knows its address."""
    proxy = ShippedNginx(tmp_path_factory.mktemp("nginx"))
    address = f"https://localhost:{proxy.port}"
    env = {"CHAT_PUBLIC_URL": address, "CHAT_TRUSTED_PROXIES": "127.0.0.1", "CHAT_METRICS": "all"}
    with ChatSite(env=env) as site, override_settings(CHAT_PUBLIC_URL=address), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(proxy.certificate))
        proxy.upstreams = (site.port, site.port)
        yield proxy


def found() -> dict[str, str]:
    """What is found at the public address, by its id."""
    return {finding.id: finding.what for finding in public.look()}


def test_the_shipped_proxy_has_all_that_the_chat_needs(proxy: ShippedNginx) -> None:
    with proxy:
        assert found().keys() == {SOON}
        assert not list(public.plain_door("127.0.0.1", proxy.plain_port))


MISTAKES = [
    ("proxy_set_header Upgrade $http_upgrade;", "chatcore.W163"),
    ("proxy_set_header X-Forwarded-Proto $scheme;", "chatcore.W150"),
    ("proxy_set_header Host $http_host;", "chatcore.W160"),
]


@pytest.mark.parametrize(("line", "expected"), MISTAKES, ids=[line.split()[1] for line, _ in MISTAKES])
def test_a_line_that_is_missing_in_the_proxy_is_found(
    proxy: ShippedNginx, line: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "changed", {line: ""})
    with proxy:
        assert found().keys() - {SOON} == {expected}


def test_metrics_that_the_proxy_shows_are_found(proxy: ShippedNginx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "changed", {"location = /metrics": "location = /other"})
    with proxy:
        assert found().keys() == {SOON, "chatcore.W165"}


def test_a_certificate_that_nobody_has_signed_is_found(proxy: ShippedNginx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with proxy:
        told = found()
    assert told.keys() == {"chatcore.W161"}
    assert "self-signed" in told["chatcore.W161"]


def test_a_proxy_that_is_down_or_reaches_no_chat_is_found(proxy: ShippedNginx, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "refused" in found()["chatcore.W160"]
    monkeypatch.setattr(proxy, "upstreams", (proxy.plain_port + 1, proxy.plain_port + 1))
    with proxy:
        assert "502: the proxy does not reach the chat" in found()["chatcore.W160"]


def test_a_page_without_tls_is_found(proxy: ShippedNginx) -> None:
    [port, _] = proxy.upstreams
    assert isinstance(port, int)
    assert [finding.id for finding in public.plain_door("127.0.0.1", port)] == ["chatcore.W164"]
