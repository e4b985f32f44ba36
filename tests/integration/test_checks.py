"""System checks: each says what to set, and is silent about sound settings."""

from inspect import Parameter, signature
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer  # type: ignore[import-untyped]
from django.conf import settings
from django.contrib.auth.views import LoginView
from django.core.checks import run_checks
from django.test import override_settings
from django.urls import URLPattern, URLResolver, path

from chatcore.checks.database import sqlite_is_mended
from chatcore.checks.layer import _WORKING

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"


def warned(**changed: Any) -> dict[str, str]:
    """The ids of our warnings under these settings, and their hints."""
    with override_settings(**changed):
        found = run_checks(tags=["chatcore"])
    return {message.id or "": message.hint or "" for message in found}


def layers(backend: str) -> dict[str, Any]:
    return {"default": {"BACKEND": backend}}


SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"


def databases(**entry: Any) -> dict[str, Any]:
    return {"default": settings.DATABASES["default"] | entry}


def test_the_project_s_own_settings_are_sound() -> None:
    assert warned() == {}


def test_the_in_memory_layer_is_warned_of() -> None:
    (hint,) = warned(CHANNEL_LAYERS=layers("channels.layers.InMemoryChannelLayer")).values()
    assert "Leave CHANNEL_LAYERS out, or use RedisPubSubChannelLayer" in hint
    assert list(warned(CHANNEL_LAYERS=layers("channels.layers.InMemoryChannelLayer"))) == ["chatcore.W001"]


def test_the_list_based_layer_is_warned_of() -> None:
    found = warned(CHANNEL_LAYERS=layers("channels_redis.core.RedisChannelLayer"))
    assert list(found) == ["chatcore.W002"]
    assert PUBSUB in found["chatcore.W002"]


@pytest.mark.parametrize("value", [{}, {"default": {}}, layers(PUBSUB), layers("shop.layers.Own")])
def test_other_layers_and_none_are_the_site_s_own_business(value: dict[str, Any]) -> None:
    assert warned(CHANNEL_LAYERS=value) == {}


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize("options", [{}, {"transaction_mode": "DEFERRED"}, {"timeout": 5}])
def test_sqlite_that_locks_late_is_warned_of(options: dict[str, Any]) -> None:
    found = warned(DATABASES=databases(ENGINE=SQLITE, OPTIONS=options))
    assert list(found) == ["chatcore.W003"]
    assert '"transaction_mode": "IMMEDIATE"' in found["chatcore.W003"]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_other_databases_have_no_such_mode() -> None:
    assert warned(DATABASES=databases(ENGINE=POSTGRESQL, OPTIONS={})) == {}
    bare = {"default": {"ENGINE": SQLITE, "NAME": "x"}}
    assert list(warned(DATABASES=bare)) == ["chatcore.W003"]


# The channel layer's options


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("capacity", "Take it out. What works: hosts, prefix"),
        ("on_disconnect", "Take it out."),
        ("prefx", "Did you mean 'prefix'?"),
        ("host", "Did you mean 'hosts'?"),
    ],
)
def test_a_layer_s_option_that_does_nothing_is_warned_of(option: str, hint: str) -> None:
    layer = {"BACKEND": PUBSUB, "CONFIG": {"hosts": ["redis://h"], option: 5}}
    found = warned(CHANNEL_LAYERS={"default": layer})
    assert list(found) == ["chatcore.W006"]
    assert hint in found["chatcore.W006"]


def test_every_option_of_the_layer_that_works_is_known() -> None:
    """Also to the next channels_redis: what its layer's signatures name, but what it calls dead."""
    parameters = {
        name
        for layer in (RedisPubSubChannelLayer, RedisPubSubLoopLayer)
        for name, parameter in signature(layer.__init__).parameters.items()
        if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD or parameter.kind is Parameter.KEYWORD_ONLY
    }
    assert parameters - {"self", "channel_layer", "on_disconnect", "on_reconnect"} == set(_WORKING)


def test_a_layer_of_another_kind_has_its_own_options() -> None:
    assert warned(CHANNEL_LAYERS={"default": {"BACKEND": "shop.layers.Own", "CONFIG": {"capacity": 5}}}) == {}


# CHAT_*


@pytest.mark.parametrize(
    "changed",
    [
        {"CHAT_MAX_LENGTH": "4000"}, {"CHAT_MAX_LENGTH": 0}, {"CHAT_MAX_LENGTH": None}, {"CHAT_OUTBOX_BYTES": -1},
        {"CHAT_OUTBOX_BYTES": 1.5}, {"CHAT_GUESTS": "write"}, {"CHAT_GUESTS": True}, {"CHAT_ROOM_CREATE": "admins"},
        {"CHAT_SIGNUP": "off"}, {"CHAT_SIGNUP": 0}, {"CHAT_RATE": "10"}, {"CHAT_RATE": "0/s"}, {"CHAT_RATE": 10},
        {"CHAT_DISPLAY_NAME": "nickname"}, {"CHAT_DISPLAY_NAME": "no.such.module"}, {"CHAT_DISPLAY_NAME": 5},
        {"CHAT_DISPLAY_NAME": "chatcore.conf.__doc__"}, {"CHAT_BROKER_SOCKET": ["x"]},
    ],
)  # fmt: skip
def test_a_setting_of_another_type_is_an_error_that_names_it(changed: dict[str, Any]) -> None:
    (name,) = changed
    found = warned(**changed)
    assert list(found) == ["chatcore.E001"]
    assert name in found["chatcore.E001"]


@pytest.mark.parametrize(
    "changed",
    [
        {"CHAT_MAX_LENGTH": 1}, {"CHAT_GUESTS": "read"}, {"CHAT_RATE": "off"}, {"CHAT_RATE": "5/m burst 9"},
        {"CHAT_DISPLAY_NAME": "operator.attrgetter"}, {"CHAT_DISPLAY_NAME": None}, {"CHAT_BROKER_SOCKET": "/run/x"},
        {"CHAT_AVATAR_SIZE": 5}, {"CHATTER": 5},
    ],
)  # fmt: skip
def test_settings_that_can_be_used_and_a_site_s_own_are_sound(changed: dict[str, Any]) -> None:
    assert warned(**changed) == {}


def test_a_name_that_nobody_reads_is_warned_of_if_it_looks_like_a_setting() -> None:
    assert warned(CHAT_MAX_LENGHT=5) == {"chatcore.W010": "Did you mean CHAT_MAX_LENGTH?"}


# Who can reach it

PUBLIC = {"CHAT_PUBLIC_URL": "https://chat.example.org", "ALLOWED_HOSTS": ["chat.example.org"], "CHAT_SIGNUP": False}


@pytest.mark.parametrize(
    ("changed", "id"),
    [
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, "chatcore.W005"),
        ({**PUBLIC, "CHAT_SIGNUP": True}, "chatcore.W007"),
        ({**PUBLIC, "CHAT_PUBLIC_URL": "http://chat.example.org"}, "chatcore.W008"),
        ({**PUBLIC, "DEBUG": True}, "chatcore.W009"),
        ({"ALLOWED_HOSTS": ["x", "*"]}, "chatcore.W011"),
        ({**PUBLIC, "ALLOWED_HOSTS": []}, "chatcore.E002"),
        ({"ALLOWED_HOSTS": []}, "chatcore.E003"),
        ({**PUBLIC, "ALLOWED_HOSTS": ["example.org"]}, "chatcore.E002"),
        ({**PUBLIC, "CHAT_PUBLIC_URL": "https://[2001:db8::1]"}, "chatcore.E002"),
    ],
)
def test_a_site_that_is_open_to_strangers_or_to_nobody_is_told(changed: dict[str, Any], id: str) -> None:
    found = warned(**changed)
    assert list(found) == [id]
    assert found[id]


class _Pages:
    """A URLconf in which nobody signs in, and one with a page for that."""

    def __init__(self, *urlpatterns: URLPattern | URLResolver) -> None:
        self.urlpatterns = list(urlpatterns)


def _signing_in_at(place: str) -> Any:
    return _Pages(path(place, LoginView.as_view()))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"LOGIN_URL": "/accounts/login/", "ROOT_URLCONF": _signing_in_at("in/")}, True),
        ({"LOGIN_URL": "/accounts/login/", "ROOT_URLCONF": _signing_in_at("accounts/login/")}, False),
        ({"LOGIN_URL": "/in/", "ROOT_URLCONF": _signing_in_at("in/")}, False),
        ({"LOGIN_URL": "https://sign-in.example.org/", "ROOT_URLCONF": _signing_in_at("in/")}, False),
    ],
)
def test_a_site_where_nobody_can_sign_in_is_told(changed: dict[str, Any], told: bool) -> None:
    assert list(warned(**changed)) == ["chatcore.W014"] * told


@pytest.mark.parametrize(
    "changed",
    [
        PUBLIC, {**PUBLIC, "ALLOWED_HOSTS": [".example.org"]}, {"DEBUG": True}, {"CHAT_SIGNUP": True},
        {**PUBLIC, "CHAT_PUBLIC_URL": "https://[2001:db8::1]:8443", "ALLOWED_HOSTS": ["[2001:db8::1]"]},
        {"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"},
    ],
)  # fmt: skip
def test_a_site_at_home_and_a_closed_one_are_sound(changed: dict[str, Any]) -> None:
    assert warned(**changed) == {}


# Before others use it


def deploying(**changed: Any) -> set[str]:
    with override_settings(**changed):
        return {message.id or "" for message in run_checks(tags=["chatcore"], include_deployment_checks=True)}


def test_what_matters_only_to_others_is_said_with_deploy_only() -> None:
    assert {"chatcore.W012", "chatcore.W013"} <= deploying(CHAT_RATE="off", CHAT_PUBLIC_URL=None)
    assert deploying(**PUBLIC) <= {"chatcore.W004"}


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize(
    ("version", "told"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 52, 0), False)]
)
def test_an_old_sqlite_is_said_where_it_is_used(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], told: bool
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", version)
    with override_settings(DATABASES=databases(ENGINE=SQLITE)):
        found = sqlite_is_mended(app_configs=None)
    assert [(message.id, "mended in 3.51.3" in message.msg) for message in found] == [("chatcore.W004", True)] * told
    with override_settings(DATABASES=databases(ENGINE=POSTGRESQL)):
        assert sqlite_is_mended(app_configs=None) == []


def test_a_database_that_is_none_of_the_site_s_is_an_error() -> None:
    found = warned(CHAT_DATABASE="chats")
    assert found["chatcore.E004"] == "There are: default."


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_a_database_of_its_own_needs_the_router() -> None:
    two = {**settings.DATABASES, "chats": settings.DATABASES["default"]}
    found = warned(DATABASES=two, CHAT_DATABASE="chats")
    assert "chatcore.database_router.ChatRouter" in found["chatcore.E005"]
    routers = ["chatcore.database_router.ChatRouter"]
    assert "chatcore.E005" not in warned(DATABASES=two, CHAT_DATABASE="chats", DATABASE_ROUTERS=routers)


@pytest.mark.parametrize("path", ["nowhere.rules.allows", "chatcore.conf.__doc__", "chatcore.permissions.nothing"])
def test_permissions_that_are_no_function_are_an_error(path: str) -> None:
    assert "chatcore.E001" in warned(CHAT_PERMISSIONS=path)
