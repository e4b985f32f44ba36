"""What opening a room costs the network."""

import pytest

from tests.acceptance.browsing import People
from tests.acceptance.site import ChatSite
from tests.acceptance.traffic import Traffic

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_room_takes_few_requests_and_few_bytes(shared_site: ChatSite, people: People, room: str) -> None:
    lines = "".join(f"line {number}, as long as lines in a chat are on most days\n" for number in range(60))
    shared_site.manage("chat_send", "-q", room, "--lines", "--kind", "message", input=lines)
    [alice] = people.signed_in(shared_site, "alice")
    traffic = Traffic(alice.page)
    alice.enter(room)
    alice.page.locator("#rows [data-seq='60']").wait_for()
    alice.page.wait_for_load_state("networkidle")
    assert traffic.requests < 10, traffic.paths()
    assert traffic.received < 100_000, traffic.received
    assert all(address.split("/")[2].startswith("127.0.0.1:") for address in traffic.addresses.values())
