"""System checks: each says what to set, and is silent about sound settings."""

from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"


def warned(**changed: Any) -> dict[str, str]:
    """The ids of our warnings under these settings, and their hints."""
    with override_settings(**changed):
        found = run_checks(tags=["chatcore"])
    return {message.id or "": message.hint or "" for message in found}


def layers(backend: str) -> dict[str, Any]:
    return {"default": {"BACKEND": backend}}


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
    found = warned(DATABASES=databases(OPTIONS=options))
    assert list(found) == ["chatcore.W003"]
    assert '"transaction_mode": "IMMEDIATE"' in found["chatcore.W003"]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_other_databases_have_no_such_mode() -> None:
    assert warned(DATABASES=databases(ENGINE="django.db.backends.postgresql", OPTIONS={})) == {}
    bare = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}}
    assert list(warned(DATABASES=bare)) == ["chatcore.W003"]
