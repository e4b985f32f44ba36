"""Messages for later with real servers: once, whoever runs; and how far a message has got."""

import json

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


def delivered(site: ChatSite, count: int) -> list[str]:
    """The same, as soon as there are so many."""
    return wait_until(lambda: found if len(found := log(site)) >= count else [], f"{count} messages")
