"""Checks of the channel layer's settings."""

import difflib
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning

from chatcore import conf

#: What CONFIG of the pub/sub layer may have (channels_redis 4.3): it takes any other name and does nothing with it.
_WORKING = ("hosts", "prefix", "serializer_format", "symmetric_encryption_keys")
_PUBSUB = ("RedisPubSubChannelLayer", "RedisPubSubLoopLayer")


def _layer() -> dict[str, Any]:
    layer: dict[str, Any] = getattr(settings, "CHANNEL_LAYERS", {}).get(conf.settings.CHANNEL_LAYER, {})
    return layer


@register("chatcore")
def layer_reaches_other_processes(**kwargs: Any) -> list[CheckMessage]:
    """The in-memory layer ends at the process."""
    if not _layer().get("BACKEND", "").endswith("InMemoryChannelLayer"):
        return []
    return [
        CheckWarning(
            "The in-memory channel layer does not reach other processes.",
            hint="Readers follow the database instead. Leave CHANNEL_LAYERS out, or use RedisPubSubChannelLayer.",
            id="chatcore.W001",
        )
    ]


@register("chatcore")
def layer_is_pubsub(**kwargs: Any) -> list[CheckMessage]:
    """The list-based layer loses idle consumers under redis-py 8 and holds at most 100 messages a channel."""
    if not _layer().get("BACKEND", "").endswith("core.RedisChannelLayer"):
        return []
    return [
        CheckWarning(
            "The list-based RedisChannelLayer stops receiving when it is idle under redis-py 8.",
            hint='Use "channels_redis.pubsub.RedisPubSubChannelLayer".',
            id="chatcore.W002",
        )
    ]


@register("chatcore")
def layer_options_work(**kwargs: Any) -> list[CheckMessage]:
    """The pub/sub layer swallows what it does not know, a mistyped `hosts` too."""
    config = _layer().get("CONFIG", {})
    if not _layer().get("BACKEND", "").endswith(_PUBSUB) or not isinstance(config, dict):
        return []
    found: list[CheckMessage] = []
    for option in config:
        if option in _WORKING:
            continue
        near = difflib.get_close_matches(str(option), _WORKING, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Take it out. What works: {', '.join(_WORKING)}."
        found.append(
            CheckWarning(f"The channel layer's option {str(option)!r} does nothing.", hint=hint, id="chatcore.W006")
        )
    return found
