"""What a server tells those who watch it: its log, as text and as JSON, whether it is well, and what it has counted."""

import asyncio
import http.client
import json
import os
import re
import signal
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from http.cookiejar import CookieJar
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.clients import Reader
from tests.acceptance.site import ECHO, ChatSite
from tests.acceptance.wire import Wire
from tests.waiting import wait_until

#: What the clients of this file may do, so that a few of them are many.
TIGHT = {
    "CHAT_METRICS": "local",
    "CHAT_OUTBOX_BYTES": "20000",
    "CHAT_RATE": "100/s burst 2000",
    "CHAT_MAX_LENGTH": "50000",
}
#: What the application of `echo` prints by itself.
BY_ECHO = ("left /", "application closed")
ESCAPES = b"\x1b]0;owned\x07\x9b2J"


def lines(text: str) -> list[dict[str, Any]]:
    """Every line as the object that it must be."""
    return [json.loads(line) for line in text.splitlines()]


def health(site: ChatSite) -> tuple[int, dict[str, Any]]:
    """What `/healthz` says."""
    try:
        with urllib.request.urlopen(f"{site.url}healthz") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def samples(site: ChatSite) -> dict[str, float]:
    """What `/metrics` says: `name{label}` for each value of each metric."""
    with urllib.request.urlopen(f"{site.url}metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    found: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if "le" not in sample.labels:
                found[sample.name + "".join(f"{{{value}}}" for value in sample.labels.values())] = sample.value
    return found


# The log


@pytest.mark.slow
@pytest.mark.runchat("its --log-format")
def test_all_that_a_server_says_is_json_on_demand() -> None:
    with ChatSite(env=ECHO, arguments=["--log-format", "json"]) as site:
        with Wire(site.host, site.port) as wire:
            assert wire.handshake("/", b"Sec-WebSocket-Protocol: a" + ESCAPES + b"\r\n").startswith(b"HTTP/1.1 400")
        with Wire(site.host, site.port) as wire:
            wire.open("/").send("fail")
            wire.close_code()
        wait_until(lambda: "as you said" in site.stderr, "the exception's line")
        assert site.stop() == 0
        said = lines("\n".join(line for line in site.stdout.splitlines() if line not in BY_ECHO))
        logged = lines(site.stderr)
    assert said[-1]["message"].startswith("Stopping")
    for line in (*said, *logged):
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert {"level", "logger", "message"} <= line.keys()
    (refused,) = [line for line in logged if "refused a WebSocket" in line["message"]]
    assert (refused["level"], refused["logger"]) == ("warning", "chatcli.server.protocol")
    (failed,) = [line for line in logged if "exception" in line]
    assert failed["level"] == "error"
    assert "echo.py" in failed["exception"]


@pytest.mark.slow
@pytest.mark.runchat("its --log-format")
def test_what_the_pages_log_is_json_too() -> None:
    with ChatSite(arguments=["--log-format", "json"]) as site:
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{site.url}accounts/login/", data=b"username=alice")
        wait_until(lambda: "Forbidden" in site.stderr, "the refusal's line")
        assert [line["logger"] for line in lines(site.stderr)] == ["django.security.csrf"]


@pytest.mark.slow
def test_a_server_that_cannot_start_says_so_in_json(chat_site: ChatSite) -> None:
    done = chat_site.manage("runchat", "--log-format", "json", f"{chat_site.host}:{chat_site.port}")
    (line,) = lines(done.stderr)
    assert (done.returncode, line["level"], line["logger"]) == (1, "error", "runchat")
    assert "is in use" in line["message"]


@pytest.mark.runchat("what its server logs of refused handshakes")
def test_no_client_writes_control_bytes_into_the_log(shared_site: ChatSite) -> None:
    for headers in (b"Origin: http://" + ESCAPES + b"\r\n", b"Sec-WebSocket-Protocol: " + ESCAPES + b"\r\n"):
        with Wire(shared_site.host, shared_site.port) as wire:
            assert wire.handshake("/ws/chat/x/", headers)[:10] == b"HTTP/1.1 4"
    wait_until(lambda: shared_site.stderr.count("refused a WebSocket") >= 2, "the log's lines")
    assert shared_site.stderr.replace("\n", "").isprintable()


# Health


@pytest.mark.runchat("it starts the broker, without which the chat is degraded")
def test_a_server_is_well_whatever_the_host_and_metrics_are_off_unless_asked_for(shared_site: ChatSite) -> None:
    connection = http.client.HTTPConnection(shared_site.host, shared_site.port)
    with closing(connection):
        connection.request("GET", "/healthz", headers={"Host": "10.1.2.3:80"})
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["status"]) == (200, "ok")
        connection.request("HEAD", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 404


@pytest.mark.slow
@pytest.mark.sqlite("a writer that locks the whole database")
def test_it_is_not_well_while_another_program_keeps_the_database_and_is_again_afterwards(chat_site: ChatSite) -> None:
    with closing(sqlite3.connect(chat_site.var_dir / "chat.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: health(chat_site)[0] == 503, "that it is not well")
        found = health(chat_site)[1]
        assert (found["status"], found["database"]["ok"], found["clock"]["ok"]) == ("failing", False, True)
        assert "the database cannot be written" in chat_site.stderr
        other.execute("ROLLBACK")
    wait_until(lambda: health(chat_site)[0] == 200, "that it is well again")
    assert "the database can be written again" in chat_site.stderr


# What it has counted


@pytest.fixture(scope="module")
def counting() -> Iterator[ChatSite]:
    """A site that counts, whose limits are soon reached."""
    with ChatSite(env=TIGHT) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        lined = site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(map(str, range(1, 700))))
        assert lined.returncode == 0, lined.stderr
        yield site


@pytest.fixture(scope="module")
def cookie(counting: ChatSite) -> str:
    return counting.sign_in("alice")[0]


def until_moved(site: ChatSite, before: dict[str, float], *names: str) -> None:
    """Wait until each of these is more than it was."""

    def moved() -> bool:
        now = samples(site)
        return all(now.get(name, 0) > before.get(name, 0) for name in names)

    wait_until(moved, f"that these move: {names}")


@pytest.mark.slow
def test_what_people_do_is_counted(counting: ChatSite, cookie: str) -> None:
    before = samples(counting)

    async def run() -> None:
        async with Reader(counting, "newbox", cookie) as newcomer, Reader(counting, "newbox", cookie) as returning:
            await newcomer.send({"type": "send", "message": "hello", "client_id": "c1"})
            await newcomer.until(lambda: bool(newcomer.replies), "the answer")
            assert newcomer.replies[-1]["type"] == "sent"
            await returning.send({"type": "history", "before": 100})
            await returning.send({"type": "nonsense"})
            await returning.until(lambda: len(returning.replies) >= 2, "the answers")
            now = await asyncio.to_thread(samples, counting)
            assert (now["roomline_sockets{full}"], now["roomline_sockets{plain}"]) == (2, 0)
            assert now["roomline_rooms_followed"] == 1

    asyncio.run(run())
    until_moved(
        counting, before, "roomline_frames_in_total", "roomline_messages_stored_total", "roomline_batch_posts_count",
        "roomline_post_to_disk_seconds_count", "roomline_post_to_disk_seconds_sum", "roomline_events_delivered_total",
        "roomline_post_to_sockets_seconds_count", "roomline_deliveries_total", "roomline_history_reads_total",
        "roomline_rings_total", "roomline_refusals_total{bad_type}", "roomline_clock_round_seconds_count",
        "roomline_clock_lag_seconds_count", "roomline_event_loop_lag_seconds_count", "process_cpu_seconds_total",
    )  # fmt: skip
    now = samples(counting)
    assert now["roomline_messages_stored_total"] - before["roomline_messages_stored_total"] == 1
    assert now["roomline_history_reads_total"] - before["roomline_history_reads_total"] == 1
    assert now["roomline_healthy"] == 1
    assert any(name.startswith("roomline_build_info") for name in now)


@pytest.mark.slow
def test_catching_up_is_counted_in_pages(counting: ChatSite, cookie: str) -> None:
    before = samples(counting)
    with Wire(counting.host, counting.port) as wire:
        wire.open("/ws/chat/newbox/?v=1", f"Cookie: {cookie}\r\n".encode())
        wire.send('{"type": "hello", "after": 0, "limit": 5000}')
        while json.loads(wire.text()).get("seq") != 699:
            pass
    assert samples(counting)["roomline_catchup_pages_total"] - before["roomline_catchup_pages_total"] >= 2


@pytest.mark.slow
def test_what_is_refused_is_counted(counting: ChatSite, cookie: str) -> None:
    before = samples(counting)
    with Wire(counting.host, counting.port) as wire:
        assert wire.handshake("/", b"Sec-WebSocket-Protocol: \xff\r\n").startswith(b"HTTP/1.1 400")
    with Wire(counting.host, counting.port) as wire:
        wire.open("/ws/chat/newbox/?v=1", f"Cookie: {cookie}\r\n".encode())
        wire.send('{"type": "hello"}')
        for _ in range(1200):
            wire.send('{"type": "ping"}')
        assert wire.close_code() == 4029
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    browser = urllib.request.build_opener(cookies)
    with browser.open(f"{counting.url}accounts/login/") as page:
        (token,) = re.findall(r'csrfmiddlewaretoken" value="([^"]+)', page.read().decode())
    form = urllib.parse.urlencode({"username": "alice", "password": "wrong", "csrfmiddlewaretoken": token})
    browser.open(f"{counting.url}accounts/login/", form.encode()).close()
    until_moved(
        counting, before, "roomline_refusals_total{handshake}", "roomline_refusals_total{rate}",
        "roomline_floods_total", "roomline_sign_ins_refused_total",
    )  # fmt: skip


@pytest.mark.slow
def test_a_reader_that_is_too_slow_is_counted(counting: ChatSite, cookie: str) -> None:
    before = samples(counting)
    with Wire(counting.host, counting.port, receive_buffer=4096) as sleeper:
        sleeper.open("/ws/chat/newbox/", f"Cookie: {cookie}\r\n".encode())
        text = "\n".join("x" * 40_000 for _ in range(60))
        assert counting.manage("chat_send", "-q", "newbox", "--lines", input=text).returncode == 0
        until_moved(counting, before, "roomline_slow_readers_total")


@pytest.mark.slow
@pytest.mark.embedded("runchat's own broker stands still")
def test_a_lost_ring_and_what_makes_up_for_it_are_counted(counting: ChatSite, cookie: str) -> None:
    before = samples(counting)

    async def run() -> None:
        async with Reader(counting, "newbox", cookie) as reader:
            broker = counting.broker_pid()
            os.kill(broker, signal.SIGSTOP)
            try:
                sent = await asyncio.to_thread(counting.manage, "chat_send", "newbox", "unheard")
                assert sent.returncode == 0
                await reader.until(lambda: any(text == "unheard" for text, _ in reader.view.messages.values()), "it")
                await reader.send({"type": "send", "message": "unrung", "client_id": "c2"})
                await asyncio.to_thread(until_moved, counting, before, "roomline_ring_failures_total")
            finally:
                os.kill(broker, signal.SIGCONT)

    asyncio.run(run())
    until_moved(counting, before, "roomline_repairs_total{head}", "roomline_ring_failures_total")
    wait_until(lambda: samples(counting)["roomline_layer_failing"] == 0, "that the layer works again")


@pytest.mark.slow
def test_a_foreign_message_on_the_layer_is_counted(counting: ChatSite) -> None:
    before = samples(counting)
    script = "from asgiref.sync import async_to_sync; from channels.layers import get_channel_layer; "
    script += "async_to_sync(get_channel_layer().group_send)('rooms', {'type': 'chat.message'})"
    done = counting.manage("shell", "-v0", "-c", script)
    assert done.returncode == 0, done.stderr
    until_moved(counting, before, "roomline_rings_ignored_total{foreign}")
