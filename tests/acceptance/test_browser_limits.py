"""What a page does beyond a limit: it says so, waits as long as the server asks for, and nothing is lost."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import People, Person
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POST = """
from chatcore.services import Post, create_room, post_messages
for room in ("newbox", "oldbox"):
    create_room(room)
post_messages([Post("oldbox", f"line {number}") for number in range(1, 301)])
"""
SCROLL_TO_TOP = "log => { log.scrollTop = 0; }"


def prepared(site: ChatSite) -> None:
    done = site.manage("shell", "-v0", "-c", POST)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Of everything little, and soon more."""
    tight = {"CHAT_RATE": "2/s burst 3", "CHAT_SOCKETS_PER_PERSON": "1", "CHAT_HISTORY_RATE": "2/s burst 1"}
    with ChatSite(env=tight) as site:
        prepared(site)
        yield site


def scroll_to_top(person: Person) -> None:
    person.page.locator("#log").evaluate(SCROLL_TO_TOP)
    person.page.wait_for_timeout(10)  # Playwright's events have their turn


def test_who_writes_too_fast_is_told_and_everything_is_sent_in_order(site: ChatSite, people: People) -> None:
    [alice] = people.signed_in(site, "alice")
    alice.enter("newbox")
    written = [f"thought {number}" for number in range(8)]
    for text in written:
        alice.write(text)
    expect(alice.page.locator("#outbox .row").last).to_contain_text("That was fast: this is sent in a moment")
    alice.message(written[-1]).wait_for()
    assert alice.texts == written
    expect(alice.page.locator("#outbox > *")).to_have_count(0)


def test_who_has_the_chat_open_too_often_is_told_and_what_he_wrote_is_sent_later(
    site: ChatSite, people: People
) -> None:
    first, second = people.signed_in(site, "bob", "bob")
    first.enter("newbox")
    second.page.goto(f"{site.url}chat/newbox/")
    second.page.locator("#state").filter(has_text="This chat is open too often").wait_for()
    second.write("from the second window")
    expect(second.page.locator("#outbox .fate")).to_contain_text("Will be sent when the connection is back")
    first.page.close()
    second.page.locator("#try-now").click()
    second.message("from the second window").wait_for()
    second.await_state("live")


def test_who_scrolls_too_fast_gets_every_older_message_once(site: ChatSite, people: People) -> None:
    [carol] = people.signed_in(site, "carol")
    carol.enter("oldbox")

    def at_the_beginning() -> bool:
        scroll_to_top(carol)
        return carol.message("line 1").count() > 0

    wait_until(at_the_beginning, "the first message")
    assert carol.received('"rate"') > 0
    shown = [int(text.removeprefix("line ")) for text in carol.texts]
    assert shown == list(range(1, len(shown) + 1))


def test_who_has_to_wait_for_older_messages_gets_back_to_the_end_at_once(people: People) -> None:
    with ChatSite(env={"CHAT_HISTORY_RATE": "1/h burst 1"}) as site:
        prepared(site)
        [dave] = people.signed_in(site, "dave")
        dave.enter("oldbox")

        def refused() -> bool:
            scroll_to_top(dave)
            return dave.received('"rate"') > 0

        wait_until(refused, "a page of history is refused")
        dave.page.locator("#to-end").click()
        expect(dave.page.locator("#to-end")).to_be_hidden()
        expect(dave.message("line 300")).to_be_in_viewport()
