"""Two worker processes are one server to a guest."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from http.client import HTTPException

import pytest

from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.http_api.test_keys import KEYS, POSTS, posted
from tests.acceptance.working import WorkingSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("its workers")]
#: So many that it would be odd if one worker took all of them.
STREAMS = 12


@pytest.fixture(scope="module")
def site() -> Iterator[WorkingSite]:
    with WorkingSite({"CHAT_RATE": "off"}) as site:
        yield site
        assert "Traceback" not in site.stderr


def test_what_one_takes_all_streams_have_once_and_in_order(site: WorkingSite) -> None:
    site.manage("create_room", "both")
    guest = Guest(site, token(site, "both", "--room", "both"))
    with ExitStack() as stack:
        streams = [stack.enter_context(guest.stream("both", "?after=0")) for _ in range(STREAMS)]
        for number in range(40):
            assert guest.post("both", f"message {number}").status == 201
        for stream in streams:
            events = [stream.next() for _ in range(40)]
            assert [event and event["message"] for event in events] == [f"message {number}" for number in range(40)]
        assert site.manage("chat_token", "revoke", "both").returncode == 0
        with ThreadPoolExecutor(STREAMS) as threads:
            list(threads.map(lambda stream: stream.until_end(), streams))
    wait_until(lambda: {guest.get("rooms").status for _ in range(STREAMS)} == {401}, "all of them to know it")


def test_a_key_counts_in_all_of_them(site: WorkingSite) -> None:
    site.manage("create_room", "keys")
    guest = Guest(site, token(site, "keys", "--room", "keys"))
    answers = posted(guest, "keys")
    assert len(answers) == POSTS
    assert sorted(seq for status, _, _, seq in answers if status == 201) == list(range(1, KEYS + 1))


def test_a_new_token_holds_at_once_in_all_of_them(site: WorkingSite) -> None:
    site.manage("create_room", "new")
    for number in range(2):
        guest = Guest(site, token(site, f"new{number}", "--room", "new"))
        assert [guest.post("new", "hello").status for _ in range(4)] == [201] * 4


def test_a_stream_goes_on_where_it_stood_when_its_worker_dies(site: WorkingSite) -> None:
    """As its client does it: anew, with the last number."""
    site.manage("create_room", "dying")
    guest = Guest(site, token(site, "dying", "--room", "dying"))
    seen: list[int] = []

    def follow() -> None:
        while len(seen) < 30:
            with suppress(OSError, HTTPException), guest.stream("dying", f"?after={len(seen)}") as stream:
                while len(seen) < 30 and (event := stream.next()):
                    seen.append(event["rev"])

    with ThreadPoolExecutor(1) as threads:
        following = threads.submit(follow)
        for number in range(1, 31):
            wait_until(partial(sent, guest, f"{number}"), "a worker that takes it")
            if number in (10, 20):
                wait_until(lambda: len(seen) > 5, "the stream")
                site.kill_worker(number // 10)
        following.result(DEADLINE_S)
    assert seen == list(range(1, 31))


def sent(guest: Guest, text: str) -> bool:
    """Whether it is stored now, if need be by an earlier try of which no answer came."""
    with suppress(OSError, HTTPException):
        return guest.post("dying", text, key=text).status in (200, 201)
    return False
