"""Where the chat is in a site: everything of it is below where its pages are."""

import sys
from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.test import override_settings
from django.urls import include, path
from django.utils.translation import override

from chatcore.mount import below, sign_in_address, socket_address


class Deep(ModuleType):
    urlpatterns = [path("deep/talk/", include("chatcore.urls"))]


class Spoken(ModuleType):
    urlpatterns = i18n_patterns(path("talk/", include("chatcore.urls")))


class Silent(ModuleType):
    urlpatterns: list[Any] = []


@pytest.fixture(autouse=True)
def sites(monkeypatch: pytest.MonkeyPatch) -> None:
    for site in (Deep, Spoken, Silent):
        monkeypatch.setitem(sys.modules, f"own_{site.__name__.lower()}", site(site.__name__))


def asked(path: str, root_path: str = "") -> str | None:
    return below({"path": path, "root_path": root_path})


def test_at_the_root_everything_is_below() -> None:
    assert socket_address("newbox") == "/ws/chat/newbox/"
    assert asked("/ws/chat/newbox/") == "ws/chat/newbox/"
    assert asked("//healthz") == "/healthz", "and not the same as without"


@override_settings(ROOT_URLCONF="own_deep")
def test_the_sockets_are_beside_the_pages() -> None:
    assert socket_address("büro 1") == "/deep/talk/ws/chat/b%C3%BCro%201/"
    assert asked("/deep/talk/ws/chat/newbox/") == "ws/chat/newbox/"
    assert asked("/ws/chat/newbox/") is None
    assert asked("/deep/talkative/") is None


@override_settings(ROOT_URLCONF="own_deep")
def test_what_a_proxy_or_the_site_puts_before_it_is_not_counted() -> None:
    assert asked("/sub/deep/talk/healthz", "/sub") == "healthz"
    assert asked("/deep/talk/healthz", "/sub") == "healthz", "a proxy that takes it away"
    with override_settings(FORCE_SCRIPT_NAME="/other"):
        assert asked("/other/deep/talk/healthz") == "healthz"


def test_what_only_looks_like_the_proxy_s_path_is_not_below_it() -> None:
    assert asked("/sub/metrics", "/sub") == asked("/sub/metrics", "/sub/") == "metrics"
    assert asked("/submetrics", "/sub") == "submetrics", "a rule of the proxy's for /sub/metrics is blind for it"
    assert asked("/sub", "/sub") == ""


@override_settings(ROOT_URLCONF="own_spoken")
def test_addresses_that_name_the_language_lead_there_in_each() -> None:
    for language in ("en", "de"):
        with override(language):
            assert socket_address("newbox") == f"/{language}/talk/ws/chat/newbox/"
        assert asked(f"/{language}/talk/ws/chat/newbox/") == "ws/chat/newbox/"
    assert asked("/fr/talk/ws/chat/newbox/") is None


@override_settings(ROOT_URLCONF="own_silent")
def test_without_our_pages_the_sockets_are_at_the_root() -> None:
    assert socket_address("newbox") == "/ws/chat/newbox/"
    assert asked("/ws/chat/newbox/") == "ws/chat/newbox/"


@pytest.mark.parametrize(
    ("setting", "address"), [("login", "/accounts/login/"), ("/enter/", "/enter/"), ("no_such_name", "")]
)
def test_people_sign_in_where_the_site_says(setting: str, address: str) -> None:
    with override_settings(LOGIN_URL=setting):
        assert sign_in_address() == address
