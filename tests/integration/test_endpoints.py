"""`/healthz` is false when it should be, and `/metrics` is there for whom it should be."""

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.auth import authenticate
from django.test import override_settings
from prometheus_client.parser import text_string_to_metric_families

from chatcli.server.listen import listen_unix
from chatcore import metrics, workers
from chatcore.clock import Clock
from chatcore.exposition import exposition
from chatcore.health import Health, Parts
from chatcore.routing import ChatApplication
from tests.integration.sockets import Client, Site, elsewhere
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LOOPBACK = ("127.0.0.1", 50_000)
#: A layer whose broker is not there: nothing listens on port 1.
DEAF = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": "redis://127.0.0.1:1", "socket_timeout": 2, "socket_connect_timeout": 2}]},
    }
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


async def pages(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Stands for Django: nothing is found."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def application() -> AsyncIterator[ChatApplication]:
    app = ChatApplication(pages)
    try:
        yield app
    finally:
        await app.close()


async def ask(
    app: ChatApplication, path: str, method: str = "GET", client: Any = LOOPBACK, host: str = "127.0.0.1:8000",
    **headers: str,
) -> Answer:  # fmt: skip
    """One request, with these headers (`_` for `-`)."""
    given = [(name.replace("_", "-").encode(), value.encode("latin1")) for name, value in headers.items()]
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"", "client": client,
        "headers": [(b"host", host.encode("latin1")), *given],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, None, send)
    start, body = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, body["body"])


def with_application(check: Callable[[ChatApplication], Awaitable[None]]) -> None:
    async def run() -> None:
        async with application() as app:
            await check(app)

    asyncio.run(run())


@asynccontextmanager
async def parts() -> AsyncIterator[Parts]:
    """The real parts of a server that has just begun."""
    async with Site() as site:
        clock = Clock(site.hub, site.credentials)
        clock.start()
        try:
            yield Parts(site.hub, site.writer, clock, site.bell)
        finally:
            await clock.close()


def with_health(check: Callable[[Parts, Health], Awaitable[None]]) -> None:
    async def run() -> None:
        async with parts() as found:
            await check(found, Health(found))

    asyncio.run(run())


def report(health: Health, later: float = 0.0) -> tuple[bool, dict[str, Any]]:
    return health.report(time.monotonic() + later)


# Health


@override_settings(CHANNEL_LAYERS={}, CHAT_BROKER_SOCKET=None)
def test_a_server_that_works_says_so_whatever_the_host_is_and_with_the_age_of_what_it_knows() -> None:
    async def check(app: ChatApplication) -> None:
        answer = await ask(app, "/healthz", host="evil.example", client=("10.1.2.3", 5))
        assert (answer.status, answer.json["status"]) == (200, "ok")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["content-length"]) == len(answer.body)
        ages = [answer.json["database"]["read"]["age"], answer.json["database"]["write"]["age"]]
        ages += [answer.json[part]["age"] for part in ("clock", "lookout")]
        assert all(0 <= age < DEADLINE_S for age in ages)

    with_application(check)


def test_head_is_answered_without_a_body_and_other_methods_are_refused() -> None:
    async def check(app: ChatApplication) -> None:
        head = await ask(app, "/healthz", "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert int(head.headers["content-length"]) > 0
        for method in ("POST", "DELETE", "OPTIONS"):
            refused = await ask(app, "/healthz", method)
            assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")

    with_application(check)


def test_a_server_that_stops_says_that_it_drains() -> None:
    async def check(app: ChatApplication) -> None:
        assert (await ask(app, "/healthz")).status == 200
        await app.settle()
        answer = await ask(app, "/healthz")
        assert (answer.status, answer.json["status"]) == (503, "draining")

    with_application(check)


def test_it_is_false_when_the_clock_has_ended() -> None:
    async def check(parts: Parts, health: Health) -> None:
        assert report(health)[0]
        await parts.clock.close()
        healthy, found = report(health)
        assert (healthy, found["status"], found["clock"]["ok"]) == (False, "failing", False)

    with_health(check)


def test_it_is_false_when_the_lookout_has_ended() -> None:
    async def check(parts: Parts, health: Health) -> None:
        parts.hub.lookout._stopped.set()
        await asyncio.to_thread(wait_until, lambda: not parts.hub.lookout.alive, "the thread's end")
        healthy, found = report(health)
        assert (healthy, found["lookout"]["ok"]) == (False, False)

    with_health(check)


@pytest.mark.parametrize("part", ["writer", "database"])
def test_it_is_false_when_a_thread_hangs_in_the_database(part: str) -> None:
    async def check(parts: Parts, health: Health) -> None:
        thread = parts.writer.lanes[0].thread if part == "writer" else parts.hub.lookout.reader
        answered, hanging = threading.Event(), threading.Event()

        def hang() -> None:
            hanging.set()
            answered.wait(DEADLINE_S)

        call = asyncio.create_task(thread.run(hang))
        await asyncio.to_thread(hanging.wait, DEADLINE_S)
        assert report(health)[1][part]["ok"]
        assert not report(health, later=11)[1][part]["ok"]
        answered.set()
        await call
        assert report(health, later=11)[1][part]["ok"]

    with_health(check)


@pytest.mark.parametrize(("later", "ok"), [(10.0, True), (16.0, False)])
def test_it_is_false_when_the_database_was_not_read_for_a_while(later: float, ok: bool) -> None:
    async def check(parts: Parts, health: Health) -> None:
        await parts.clock.close()  # nobody looks any more
        assert report(health, later)[1]["database"]["ok"] is ok

    with_health(check)


@pytest.mark.parametrize(("later", "ok"), [(25.0, True), (31.0, False)])
def test_it_is_false_when_a_thread_was_not_seen_for_a_while(later: float, ok: bool) -> None:
    async def check(parts: Parts, health: Health) -> None:
        found = report(health, later)[1]
        assert (found["clock"]["ok"], found["lookout"]["ok"]) == (ok, ok)

    with_health(check)


def test_it_is_false_when_the_database_is_read_but_was_not_written_for_a_while() -> None:
    async def check(parts: Parts, health: Health) -> None:
        await parts.clock.close()
        assert report(health)[1]["database"]["ok"]
        parts.clock.wrote_at -= 21
        assert not report(health)[1]["database"]["ok"]

    with_health(check)


def test_it_is_false_for_a_moment_after_posts_could_not_be_stored() -> None:
    async def check(parts: Parts, health: Health) -> None:
        parts.writer.lanes[0].failed_at = time.monotonic()
        assert not report(health)[1]["writer"]["ok"]
        assert report(health, later=16)[1]["writer"]["ok"]

    with_health(check)


@override_settings(CHANNEL_LAYERS=DEAF, CHAT_BROKER_SOCKET=None)
def test_a_layer_that_fails_only_degrades_for_the_log_delivers() -> None:
    async def check(parts: Parts, health: Health) -> None:
        await parts.bell.check()
        healthy, found = report(health)
        assert (healthy, found["status"], found["layer"]) == (True, "degraded", "failing")

    with_health(check)


@override_settings(CHANNEL_LAYERS={}, CHAT_BROKER_SOCKET=None)
def test_a_site_without_a_layer_is_well() -> None:
    async def check(parts: Parts, health: Health) -> None:
        await parts.bell.check()
        healthy, found = report(health)
        assert (healthy, found["status"], found["layer"]) == (True, "ok", "none")

    with_health(check)


def test_asking_tells_no_secret_and_costs_no_query_which_django_would_refuse_in_the_loop() -> None:
    async def check(parts: Parts, health: Health) -> None:
        healthy, found = report(health)
        said = json.dumps(found)
        assert healthy
        assert "/" not in said
        assert "sqlite" not in said

    with_health(check)


def test_a_page_of_another_site_gets_no_socket_of_the_whole_application() -> None:
    async def check(app: ChatApplication) -> None:
        for origin, accepted in ((b"http://127.0.0.1:8000", True), (b"http://evil.example", False)):
            client = Client("/ws/chat/newbox/", None, b"v=1", {})
            client.scope["headers"] = [(b"host", b"127.0.0.1:8000"), (b"origin", origin)]
            client.leave()
            await app(client.scope, client.receive, client.send)
            assert (await client.event())["type"] == f"websocket.{'accept' if accepted else 'close'}"

    with override_settings(ALLOWED_HOSTS=["127.0.0.1"]):
        with_application(check)


# Metrics: for whom


LOCAL = {"client": LOOPBACK, "host": "localhost:8000"}


@pytest.mark.parametrize(
    ("setting", "request_of", "status"),
    [
        ("off", LOCAL, 404),
        ("local", LOCAL, 200),
        ("local", {"client": ("127.8.8.8", 1), "host": "127.0.0.1"}, 200),
        ("local", {"client": ("::1", 1), "host": "[::1]:8000"}, 200),
        ("local", {"client": ("::ffff:127.0.0.1", 1), "host": "localhost"}, 200),
        ("local", {"client": ("10.0.0.7", 1), "host": "localhost"}, 404),
        ("local", {"client": None, "host": "localhost"}, 404),
        ("local", {"client": ("", 0), "host": "localhost"}, 404),
        ("local", {**LOCAL, "host": "rebound.example"}, 404),
        ("local", {**LOCAL, "host": ""}, 404),
        ("local", {**LOCAL, "x_forwarded_for": "127.0.0.1"}, 404),
        ("local", {**LOCAL, "x_forwarded_for": ""}, 404),
        ("local", {**LOCAL, "x_forwarded_proto": "https"}, 404),
        ("local", {**LOCAL, "x_real_ip": "10.0.0.7"}, 404),
        ("local", {**LOCAL, "forwarded": "for=10.0.0.7"}, 404),
        ("local", {**LOCAL, "Via": "1.1 cache"}, 404),
        ("all", LOCAL, 200),
        ("all", {"client": ("10.0.0.7", 1), "host": "chat.example.org", "x_forwarded_for": "10.0.0.8"}, 200),
        ("all", {"client": None, "host": "chat.example.org"}, 200),
    ],
)
def test_metrics_are_there_for_whom_the_setting_says(setting: str, request_of: dict[str, Any], status: int) -> None:
    async def check(app: ChatApplication) -> None:
        assert (await ask(app, "/metrics", **request_of)).status == status

    with override_settings(CHAT_METRICS=setting):
        with_application(check)


@override_settings(CHAT_METRICS="all")
def test_metrics_are_read_by_prometheus_own_parser_and_each_is_explained() -> None:
    async def check(app: ChatApplication) -> None:
        answer = await ask(app, "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        families = list(text_string_to_metric_families(answer.body.decode()))
        ours = [family for family in families if family.name.startswith("roomline_")]
        assert len(ours) >= 24
        assert all(family.documentation and family.type in ("counter", "gauge", "histogram") for family in ours)
        assert {"process_resident_memory_bytes", "process_open_fds"} <= {family.name for family in families}
        openmetrics = await ask(app, "/metrics", accept="application/openmetrics-text; version=1.0.0")
        assert openmetrics.body.endswith(b"# EOF\n")

    with_application(check)


def test_the_buckets_of_a_histogram_add_up() -> None:
    async def check(parts: Parts, health: Health) -> None:
        for value in (1, 3, 300):
            metrics.batch_posts.observe(value)
        text, _ = exposition(parts, health, "")
        (family,) = [
            found for found in text_string_to_metric_families(text.decode()) if found.name == "roomline_batch_posts"
        ]
        buckets = [sample.value for sample in family.samples if sample.name.endswith("_bucket")]
        count = next(sample.value for sample in family.samples if sample.name.endswith("_count"))
        assert buckets == sorted(buckets)
        assert buckets[-1] == count == sum(metrics.batch_posts.counts)

    with_health(check)


def test_a_refused_sign_in_is_counted() -> None:
    async def check(app: ChatApplication) -> None:
        app.start()
        before = metrics.sign_ins_refused.value
        user = await elsewhere(authenticate, username="nobody", password="wrong")
        assert user is None
        assert metrics.sign_ins_refused.value == before + 1

    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"]):
        with_application(check)


# Several workers


@pytest.fixture
def first_of_three(tmp_path: Path) -> Iterator[dict[int, socket.socket]]:
    """This process is worker 1, which the others ask; the sockets of the first two, the third is not there."""
    sockets = {number: listen_unix(tmp_path / str(number)) for number in (1, 2)}
    places = {number: str(tmp_path / str(number)) for number in (1, 2, 3)}
    workers.begin(1, os.dup(sockets[1].fileno()), places)
    yield sockets
    workers._own.clear()
    for each in sockets.values():
        each.close()


@override_settings(CHAT_METRICS="all")
def test_one_scrape_shows_what_all_workers_have_counted(first_of_three: dict[int, socket.socket]) -> None:
    text = b"# TYPE roomline_frames_in_total counter\nroomline_frames_in_total 7.0\n"
    first_of_three[2].setblocking(False)
    second = workers.Workers(2, first_of_three[2], {})

    async def scrape() -> tuple[Answer, Answer]:
        async with application() as app:
            second.answer(lambda: text)
            answer = await ask(app, "/metrics")
            openmetrics = await ask(app, "/metrics", accept="application/openmetrics-text; version=1.0.0")
            assert (await ask(app, "/healthz")).json["worker"] == 1
            second.answer_no_more()
            await app.settle()
            return answer, openmetrics

    answer, openmetrics = asyncio.run(scrape())
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }
    assert found["roomline_frames_in_total", "2"] == 7
    assert found["roomline_frames_in_total", "1"] == metrics.frames_in.value
    assert [found["roomline_worker_up", number] for number in "123"] == [1, 1, 0]
    assert ("roomline_sockets", "full", "1") in found
    names = [line.split()[2] for line in answer.body.decode().splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert openmetrics.body.endswith(b"# EOF\n")


@override_settings(CHAT_METRICS="all")
def test_a_worker_is_asked_until_it_begins_to_stop(first_of_three: dict[int, socket.socket]) -> None:
    places = {1: first_of_three[1].getsockname(), 2: first_of_three[2].getsockname()}
    second = workers.Workers(2, None, places)

    async def check() -> None:
        async with application() as app:
            await ask(app, "/healthz")
            text = (await second.others())[1]
            assert text is not None
            assert b"roomline_build_info" in text
            await app.settle()
            asked = asyncio.ensure_future(second.others())
            await asyncio.to_thread(wait_until, lambda: taken(first_of_three[1]), "who asks, left to the next one")
            assert await asked == {1: None}

    asyncio.run(check())


def taken(listener: socket.socket) -> bool:
    """Whether somebody was there, who is sent away."""
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return False
    connection.close()
    return True
