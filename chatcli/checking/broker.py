"""The broker: does it answer, has it memory, does it cut off servers that fall behind for a moment."""

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any

from chatcli.broker import MEANWHILE
from chatcli.checking.findings import Finding, Level
from chatcli.server_record import address_of, describe_layer
from chatcore import conf
from chatcore.bell.layer import layer_setting

PART = "broker"
#: Seconds for all that is asked of it.
ANSWER_S = 3.0
#: Of the memory that it may take.
_NEARLY_FULL = 0.9
#: Bytes that may wait for one subscriber: below, a burst of messages already cuts off a server.
_SMALLEST_BUFFER = 8 * 2**20
_RETRY_HINT = "See that it runs, and what CHAT_REDIS_URL names: scheme, host, port, password."
_CERTIFICATE_HINT = "Its certificate must be good for that name; a CA of your own is ?ssl_ca_certs=/path/to/ca.pem."


class BrokerLook:
    """Looks at the broker of the channel layer. `answers` tells whether a probe can be sent through it."""

    def __init__(self, servers: int) -> None:
        """`servers`: so many run here."""
        self._servers = servers
        self.answers = False

    def look(self) -> Iterator[Finding]:
        layer = layer_setting()
        backend = str((layer or {}).get("BACKEND", ""))
        if layer is None or not backend or backend.endswith("InMemoryChannelLayer"):
            yield Finding(PART, Level.INFO, f"{describe_layer(layer)}: readers follow the database")
        elif conf.settings.BROKER_SOCKET is not None and not self._servers:
            yield Finding(PART, Level.INFO, "not running: runchat brings its own")
        elif not backend.startswith("channels_redis."):
            self.answers = True  # the probe will tell
            yield Finding(PART, Level.INFO, f"{backend} is a layer that only the probe can check")
        else:
            yield from self._unused()
            yield from self._hosts(layer.get("CONFIG", {}).get("hosts"))

    @staticmethod
    def _unused() -> Iterator[Finding]:
        """A broker that runchat starts and nobody asks; and if it does not run, nobody asks the one that is named."""
        own = conf.settings.BROKER_SOCKET
        if own is not None and os.path.realpath(own) not in describe_layer(layer_setting()):
            what = f"CHAT_BROKER_SOCKET ({own}) is not what CHANNEL_LAYERS names"
            hint = "Say CHAT_BROKER_SOCKET = None where CHANNEL_LAYERS is changed."
            yield Finding(PART, Level.WARNING, what, hint, "chatcore.W134")

    def _hosts(self, hosts: Any) -> Iterator[Finding]:
        from channels_redis.utils import decode_hosts  # type: ignore[import-untyped]

        self.answers = True
        for host in decode_hosts(hosts):
            place = address_of(host)
            yield from patient_sentinels(place, host)
            try:
                facts = asyncio.run(facts_of(host))
            except Exception as error:
                self.answers = False
                yield self._silent(place, error)
            else:
                yield from judged(place, facts)

    def _silent(self, place: str, error: Exception) -> Finding:
        reason = "it does not answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        what = f"nothing goes through {place} ({reason}). {MEANWHILE}"
        hint = _CERTIFICATE_HINT if "CERTIFICATE_VERIFY_FAILED" in reason else _RETRY_HINT
        if conf.settings.BROKER_SOCKET is not None:
            hint = f"Restart runchat; why it does not run is in {conf.settings.RUN_DIR}/valkey.log."
        return Finding(PART, Level.ERROR, what, hint, "chatcore.E130")


def patient_sentinels(place: str, host: dict[str, Any]) -> Iterator[Finding]:
    """redis-py asks a Sentinel that is dead again and again, for longer than a ring may take, before the next one."""
    if "master_name" in host and "retry" not in (host.get("sentinel_kwargs") or {}):
        what = f"{place}: when the first Sentinel is down, the others are asked too late, and nothing is rung"
        hint = "sentinel_kwargs with retry and short timeouts: docs/operations.md, A broker of your own."
        yield Finding(PART, Level.WARNING, what, hint, "chatcore.W133")


async def facts_of(host: Any) -> dict[str, Any]:
    """What the broker at this host of CHANNEL_LAYERS says of itself. Raises what redis does, or TimeoutError."""
    from channels_redis.utils import create_pool
    from redis import asyncio as aioredis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ResponseError

    async with asyncio.timeout(ANSWER_S):
        async with aioredis.Redis(connection_pool=create_pool(host)) as client:
            client.set_retry(Retry(NoBackoff(), 0))  # the first reason is the one to tell
            began = time.perf_counter()
            await client.ping()
            facts: dict[str, Any] = {"ping_ms": 1000 * (time.perf_counter() - began)}
            try:
                facts |= await client.info("server")
                facts |= await client.info("memory")
                limits = await client.config_get("client-output-buffer-limit")
                facts |= {str(name): value for name, value in limits.items()}
            except ResponseError:
                pass  # a provider's, which does not tell everybody
            return facts


def judged(place: str, facts: dict[str, Any]) -> Iterator[Finding]:
    """What it means; nothing of what it did not tell."""
    name = (
        f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {facts.get('redis_version', '')}"
    )
    used, most = int(facts.get("used_memory", 0)), int(facts.get("maxmemory", 0))
    memory = f", {used / 1e6:,.0f} MB" + (f" of {most / 1e6:,.0f} MB" if most else "") if used else ""
    figures = {"broker_ms": round(facts["ping_ms"], 2)}
    yield Finding(PART, Level.OK, f"{name.strip()} at {place} answers{memory}", figures=figures)
    if most and used > _NEARLY_FULL * most:
        policy = facts.get("maxmemory_policy", "noeviction")
        what = f"its memory is nearly full ({used / most:.0%}, {policy})"
        yield Finding(
            PART, Level.WARNING, what, "Raise maxmemory, or give the chat a broker of its own.", "chatcore.W131"
        )
    hard, soft = pubsub_limits(str(facts.get("client-output-buffer-limit", "")))
    if 0 < min(limit or _SMALLEST_BUFFER for limit in (hard, soft)) < _SMALLEST_BUFFER:
        what = f"it cuts off a server for which {max(1, (soft or hard) // 2**20)} MB of messages wait"
        hint = "CONFIG SET client-output-buffer-limit 'pubsub 64mb 16mb 60', and the same in its configuration."
        yield Finding(PART, Level.WARNING, what, hint, "chatcore.W132")


def pubsub_limits(setting: str) -> tuple[int, int]:
    """The hard and the soft limit of bytes that wait for a subscriber; 0 is none, or not told."""
    words = setting.split()
    if "pubsub" not in words:
        return 0, 0
    at = words.index("pubsub")
    hard, soft = words[at + 1 : at + 3]
    return int(hard), int(soft)
