"""A key stores a message once, however many ask at the same time."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.http_api.guest import Guest
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow
CONNECTIONS, POSTS, KEYS = 20, 1000, 10


def posted(guest: Guest, room: str) -> list[tuple[int, str, bool, int]]:
    """1,000 posts with ten keys, from 20 connections that begin together: status, answer's status, key, number."""
    together = Barrier(CONNECTIONS)

    def post(number: int) -> list[tuple[int, str, bool, int]]:
        one = guest.connected()
        together.wait(DEADLINE_S)
        found = []
        for turn in range(POSTS // CONNECTIONS):
            key = (number + turn) % KEYS
            answer = one.post(room, f"order {key}", key=f"order-{key}")
            message = answer.json["message"]
            same = message["message"] == f"order {key}"
            found.append((answer.status, answer.json["status"], same, message["seq"]))
        return found

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return [one for found in threads.map(post, range(CONNECTIONS)) for one in found]


def test_a_thousand_posts_with_ten_keys_from_twenty_connections_are_ten_messages(site: ChatSite, guest: Guest) -> None:
    site.manage("create_room", "keys")
    answers = posted(guest, "keys")
    assert len(answers) == POSTS
    assert Counter(answer[:2] for answer in answers) == {(201, "sent"): KEYS, (200, "duplicate"): POSTS - KEYS}
    assert all(same for _, _, same, _ in answers)
    assert sorted({seq for *_, seq in answers}) == list(range(1, KEYS + 1))
    assert sorted(message["message"] for message in in_the_log(site, "keys")) == [f"order {n}" for n in range(KEYS)]


def test_a_key_with_other_content_is_a_conflict(guest: Guest) -> None:
    assert guest.post("newbox", "one", key="conflict").status == 201
    assert guest.post("newbox", "another", key="conflict").error == (409, "key_reused")
