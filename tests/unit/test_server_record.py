"""How databases and channel layers are told apart and shown: always without secrets."""

from typing import Any

import pytest

from chatcli.server_record import describe_database, describe_layer

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/../srv/chat.sqlite3"}, "SQLite /srv/chat.sqlite3"),
        (
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "chat",
                "USER": "me",
                "PASSWORD": "secret",
                "HOST": "db.example.org",
                "PORT": 5433,
            },
            "PostgreSQL chat at db.example.org:5433",
        ),
        (
            {"ENGINE": "django.db.backends.postgresql", "NAME": "chat", "HOST": "", "PORT": ""},
            "PostgreSQL chat at this machine",
        ),
    ],
)
def test_a_database_is_named_without_its_password(entry: dict[str, Any], text: str) -> None:
    assert describe_database(entry) == text


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ({"address": "unix:///srv/run/valkey.sock"}, "/srv/run/valkey.sock"),
        ({"address": "unix:///srv/a%20b/valkey.sock"}, "/srv/a b/valkey.sock"),
        ("redis://me:secret@redis.example.org:6379/0", "redis://redis.example.org:6379/0"),
        ("rediss://:sec/r@et?@redis.example.org", "rediss://redis.example.org"),
        ("unix://me@/srv/redis.sock?db=0&password=secret", "/srv/redis.sock"),
        (("redis.example.org", 6379), "redis://redis.example.org:6379"),
        ({"host": "redis.example.org", "password": "secret"}, "redis://redis.example.org:6379"),
        (
            {"sentinels": [("a", 1), ("b", 2)], "master_name": "chat", "password": "secret"},
            "chat by Sentinel at a:1, b:2",
        ),
    ],
)
def test_a_layer_is_named_without_its_password(host: Any, text: str) -> None:
    assert describe_layer({"BACKEND": PUBSUB, "CONFIG": {"hosts": [host], "prefix": "p"}}) == f"Redis {text} as p"


def test_layers_without_hosts_are_named_too() -> None:
    assert describe_layer(None) == "no channel layer"
    assert describe_layer({"BACKEND": "channels.layers.InMemoryChannelLayer"}) == "InMemoryChannelLayer"
