"""The API on another ASGI server: the same answers; there is no socket of its own for local commands there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.http_api.test_keys import KEYS, posted
from tests.acceptance.site import ChatSite

pytest.importorskip("uvicorn", reason="needs uvicorn, which is for tests only")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(server="uvicorn", env={"CHAT_RATE": "off"}) as site:
        site.manage("create_room", "newbox")
        yield site
        assert site.stop() == 0
        assert "Traceback" not in site.stderr, site.stderr


def test_a_guest_posts_reads_and_follows(guest: Guest) -> None:
    with guest.stream("newbox", "?after=0") as stream:
        sent = guest.post("newbox", {"message": "hello", "priority": 5})
        assert (sent.status, sent.json["message"]["priority"]) == (201, 5)
        assert stream.next() == sent.json["message"]
    assert guest.get("rooms/newbox/messages").json["messages"] == [sent.json["message"]]


def test_refusals_are_the_same(site: ChatSite, guest: Guest) -> None:
    assert Guest(site).post("newbox", "hello").error[0] == 401
    assert guest.post("nowhere", "hello").error == (404, "not_found")
    assert guest.ask("PUT", "rooms/newbox/messages", "hello").status == 405
    assert guest.post("newbox", "x" * 1_000_000).error[0] == 413
    assert guest.post("newbox", b"\xff").status == 400


def test_a_key_stores_once(site: ChatSite, guest: Guest) -> None:
    site.manage("create_room", "keys")
    assert sorted(seq for status, _, _, seq in posted(guest, "keys") if status == 201) == list(range(1, KEYS + 1))


def test_a_revoked_token_ends_its_streams(site: ChatSite) -> None:
    revoked = Guest(site, token(site, "revoked", "--room", "newbox"))
    with revoked.stream("newbox") as one, revoked.stream("newbox") as two, ThreadPoolExecutor(2) as threads:
        assert site.manage("chat_token", "revoke", "revoked").returncode == 0
        list(threads.map(lambda stream: stream.until_end(), (one, two)))
    assert revoked.get("rooms").status == 401


def test_it_stops_in_order_while_streams_are_open() -> None:
    with ChatSite(server="uvicorn") as site:
        site.manage("create_room", "newbox")
        guest = Guest(site, token(site, "guest", "--room", "newbox"))
        with guest.stream("newbox") as stream:
            assert site.stop() == 0
            stream.until_end()
