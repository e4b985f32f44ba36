"""Messages for later with real servers: once, whoever runs; and how far a message has got."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def test_a_scheduled_message_is_sent_once_by_any_number_of_servers_and_by_the_first_that_starts() -> None:
    with ChatSite() as site:
        site.manage("create_room", "newbox")
        with ChatSite(beside=site):
            for number in range(2):
                done = site.manage("chat_send", "newbox", f"soon {number}", "--in", "1s")
                assert done.stdout.startswith("scheduled newbox "), done.stderr
            assert len(delivered(site, 2)) == 2
        site.stop()
        done = site.manage("chat_send", "newbox", "meanwhile", "--in", "1s", "--json")
        assert (done.returncode, json.loads(done.stdout)["live"]) == (0, "none")
        cancelled = site.manage("chat_send", "newbox", "never", "--in", "1s", "--json")
        assert site.manage("chat_send", "--cancel", json.loads(cancelled.stdout)["message"]["id"]).returncode == 0
        site.start()
        assert delivered(site, 3)[-1] == "meanwhile"
        assert len(log(site)) == 3


def test_what_came_due_while_no_server_ran_is_sent_once_by_three_that_start_at_once() -> None:
    with ChatSite() as site, ChatSite(beside=site) as two, ChatSite(beside=site) as three:
        site.manage("create_room", "newbox")
        servers = (site, two, three)
        for server in servers:
            server.stop()
        for number in range(5):
            assert site.manage("chat_send", "newbox", f"due {number}", "--in", "1s").returncode == 0
        due = datetime.now(UTC) + timedelta(seconds=1)
        wait_until(lambda: datetime.now(UTC) > due, "the time when all of them are due")
        with ThreadPoolExecutor(3) as starting:
            list(starting.map(ChatSite.start, servers))
        ready = datetime.now(UTC)
        assert sorted(delivered(site, 5)) == [f"due {number}" for number in range(5)]
        late = [(sent - ready).total_seconds() for sent in moments(site)]
        print(f"all three ready; sent {min(late):.2f} to {max(late):.2f} s after that")  # noqa: T201
        assert site.manage("chat_send", "newbox", "the last").returncode == 0
        assert sorted(log(site)) == [*(f"due {number}" for number in range(5)), "the last"]


def test_servers_say_to_how_many_sockets_a_message_has_got_and_readers_acknowledge_it() -> None:
    with ChatSite() as site:
        site.manage("create_room", "newbox")
        done = site.manage("chat_send", "newbox", "hi", "--wait", "pushed", "--json")
        answer = json.loads(done.stdout)
        assert (done.returncode, answer["delivered"], answer["live"]) == (0, 0, "pushed")
        done = site.manage("chat_send", "newbox", "hi", "--wait", "seen", "--timeout", "1")
        assert (done.returncode, done.stdout) == (124, "newbox #2\n")
        assert "stored" in done.stderr
        site.stop()
        assert site.manage("chat_send", "newbox", "hi", "--wait", "pushed", "--timeout", "1").returncode == 124
        assert len(log(site)) == 3


def log(site: ChatSite) -> list[str]:
    """What was said in the room."""
    done = site.manage("chat_tail", "newbox", "--no-follow", "-n", "all", "--json")
    return [json.loads(line)["message"] for line in done.stdout.splitlines()]


def moments(site: ChatSite) -> list[datetime]:
    """When what is in the room was sent."""
    done = site.manage("chat_tail", "newbox", "--no-follow", "-n", "all", "--json")
    return [datetime.fromisoformat(json.loads(line)["created_at"]) for line in done.stdout.splitlines()]


def delivered(site: ChatSite, count: int) -> list[str]:
    """The same, as soon as there are so many."""
    return wait_until(lambda: found if len(found := log(site)) >= count else [], f"{count} messages")
