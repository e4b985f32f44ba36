"""`runchat --workers 2` as people and commands see it: one server."""

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.clients import Reader, in_the_log
from tests.acceptance.working import WorkingSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("its workers")]
#: So many that it would be odd if one worker took all of them.
SOCKETS = 24


@pytest.fixture(scope="module")
def site() -> Iterator[WorkingSite]:
    with WorkingSite({"CHAT_METRICS": "local"}, "--log-format", "json") as site:
        site.manage("create_room", "newbox")
        yield site


def values(site: WorkingSite, name: str) -> dict[str, float]:
    """Of this metric, by worker."""
    with urllib.request.urlopen(f"{site.url}metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    found: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == name:
                worker = sample.labels["worker"]
                found[worker] = found.get(worker, 0) + sample.value
    return found


async def enough(site: WorkingSite, cookies: list[str], stack: AsyncExitStack) -> list[Reader]:
    """So many readers that each worker has some."""
    readers: list[Reader] = []

    async def one_more() -> bool:
        readers.append(await stack.enter_async_context(Reader(site, "newbox", cookies[len(readers) % len(cookies)])))
        return len(readers) >= SOCKETS and min((await asyncio.to_thread(values, site, "roomline_sockets")).values()) > 0

    async with asyncio.timeout(DEADLINE_S):
        while not await one_more():
            pass
    return readers


def test_both_workers_take_connections_and_what_one_hears_all_see(site: WorkingSite) -> None:
    cookies = site.sign_in("alice", "bob", "carol")
    wait_until(lambda: site.asked_of()["worker"] == 1, "an answer of the first")
    wait_until(lambda: site.asked_of()["worker"] == 2, "an answer of the second")

    async def check() -> None:
        async with AsyncExitStack() as stack:
            readers = await enough(site, cookies, stack)
            for reader in readers:
                await reader.send({"type": "send", "message": "hello", "client_id": f"from {id(reader)}"})
            for reader in readers:
                await reader.until_seen(len(readers))
                await reader.until(lambda: reader.here == {"alice", "bob", "carol"}, "everybody")  # noqa: B023
            posted = {tuple(reader.view.posted) for reader in readers}
            assert posted == {tuple(range(1, len(readers) + 1))}
            stored = await asyncio.to_thread(values, site, "roomline_messages_stored_total")
            assert sum(stored.values()) == len(readers)
            done = await asyncio.to_thread(site.manage, "chat_send", "newbox", "to all", "--wait", "pushed", "--json")
            answer = json.loads(done.stdout)
            assert (done.returncode, answer["live"], answer["delivered"]) == (0, "pushed", len(readers)), done.stderr
            done = await asyncio.to_thread(site.manage, "chat_user", "ban", "bob")
            assert done.returncode == 0, done.stderr
            for reader in readers:
                if reader.cookie == cookies[1]:
                    await reader.until(lambda: reader.closed == 4403, "the end of bob's sockets")  # noqa: B023

    asyncio.run(check())


def test_what_is_due_is_sent_once(site: WorkingSite) -> None:
    assert site.manage("create_room", "later").returncode == 0
    for number in range(3):
        assert site.manage("chat_send", "later", f"now {number}", "--in", "1s").returncode == 0
    wait_until(lambda: len(in_the_log(site, "later")) >= 3, "what was scheduled")
    # a clock that was slower would have sent its own by its next round, which one of the workers has had
    before = values(site, "roomline_clock_round_seconds_count")

    def rounds() -> list[float]:
        now = values(site, "roomline_clock_round_seconds_count")
        return [now[worker] - before[worker] for worker in before]

    wait_until(lambda: min(rounds()) > 1, "another round of both clocks")
    assert sorted(message["message"] for message in in_the_log(site, "later")) == ["now 0", "now 1", "now 2"]


def test_commands_see_one_server_of_two_workers(site: WorkingSite) -> None:
    assert site.process is not None
    assert [path.name for path in site.var_dir.glob("server*.json")] == ["server.json"]
    assert site.record()["pid"] == site.process.pid
    done = site.manage("chat_check")
    assert done.returncode == 0, done.stdout
    for number, pid in enumerate(site.pids(), 1):
        assert re.search(rf":{pid} \({site.url}, worker {number}\) answers: probe there and back", done.stdout)
    said = [json.loads(line)["message"] for line in site.stdout.splitlines()]
    assert [line for line in said if line.startswith("Ready")] == [f"Ready: {site.url}"]


def test_one_scrape_shows_all_workers_also_after_one_was_replaced(site: WorkingSite) -> None:
    assert values(site, "roomline_worker_up") == {"1": 1, "2": 1}
    site.kill_worker(2)
    assert values(site, "roomline_worker_up") == {"1": 1, "2": 1}
    assert values(site, "process_start_time_seconds").keys() == {"1", "2"}
    request = urllib.request.Request(f"{site.url}metrics", headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read().endswith(b"# EOF\n")


def test_lines_of_the_log_say_which_worker_they_are_of(site: WorkingSite) -> None:
    request = urllib.request.Request(f"{site.url}accounts/login/", data=b"username=alice")

    def lines() -> list[int]:
        found = map(json.loads, site.stderr.splitlines())
        return [line["worker"] for line in found if line["logger"] == "django.security.csrf"]

    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)
    [number] = wait_until(lines, "the line")
    assert number in (1, 2)
