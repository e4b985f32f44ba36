"""Who does not see the page, and who has no mouse: what is read out, and everything done with the keyboard."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from tests.acceptance.browsing import PHONE, SEEN, People
from tests.acceptance.site import ChatSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def bob_writes(shared_site: ChatSite, room: str) -> Iterator[Callable[[str], None]]:
    """Sends a message to the room in Bob's name."""
    [cookie] = shared_site.sign_in("bob")
    with connect(f"{shared_site.ws_url(room)}?v=1", additional_headers={"Cookie": cookie}) as socket:
        socket.send(json.dumps({"type": "hello"}))
        yield lambda text: socket.send(json.dumps({"type": "send", "message": text, "client_id": text}))


def test_a_message_is_an_article_named_by_author_and_time_in_the_one_log(
    shared_site: ChatSite, people: People, room: str, bob_writes: Callable[[str], None]
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    bob_writes("Good morning")
    alice.message("Good morning").wait_for()
    expect(alice.page.locator("#heard")).to_have_text("bob: Good morning")
    alice.write("Good morning, Bob")
    alice.message("Good morning, Bob").wait_for()
    expect(alice.page.locator("#heard")).to_have_text("bob: Good morning")  # nobody is read what he wrote
    expect(alice.page.get_by_role("log")).to_have_count(1)
    expect(alice.page.get_by_role("log")).to_match_aria_snapshot(
        r"""
        - log "Messages":
          - list:
            - listitem:
              - article /^bob \d\d:\d\d [AP]M$/:
                - text: Good morning
            - listitem:
              - article /^alice \d\d:\d\d [AP]M$/:
                - text: Good morning, Bob
        """
    )


def test_a_catch_up_goes_in_silently_and_is_then_told_in_one_sentence(chat_site: ChatSite, people: People) -> None:
    chat_site.manage("create_room", "newbox")
    chat_site.manage("chat_send", "-q", "newbox", "before")
    [alice] = people.signed_in(chat_site, "alice")
    alice.enter("newbox")
    alice.message("before").wait_for()
    alice.page.evaluate(
        """() => {
            const heard = document.getElementById("heard");
            window.said = [];
            new MutationObserver(() => window.said.push(heard.textContent))
                .observe(heard, { childList: true, characterData: true, subtree: true });
        }"""
    )
    chat_site.stop()
    alice.page.locator("#state:not([data-state=live])").wait_for()
    lines = "".join(f"missed {number}\n" for number in range(12))
    assert chat_site.manage("chat_send", "-q", "newbox", "--lines", input=lines).returncode == 0
    chat_site.start()
    alice.await_state("live")
    alice.message("missed 11").wait_for()
    expect(alice.page.locator("#heard")).to_have_text("12 new messages")
    assert [text for text in alice.page.evaluate("() => window.said") if text] == ["12 new messages"]
    articles = alice.page.get_by_role("log").get_by_role("article")
    expect(articles).to_have_count(13)
    expect(articles.last).to_match_aria_snapshot(
        r"""
        - article /^Notice system \d\d:\d\d [AP]M$/:
          - paragraph:
            - strong: Notice
            - text: system
          - text: missed 11
        """
    )


def test_an_urgent_banner_is_an_alert_once_in_a_browser_and_others_are_none(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alarm, strip = alice.page.locator("#alarm"), alice.page.locator("#banner")
    shared_site.manage("chat_send", "-q", room, "--banner", "for the record")
    expect(strip).to_contain_text("for the record")
    expect(alarm).to_have_text("")
    shared_site.manage("chat_send", "-q", room, "--banner", "-p", "high", "--title", "Restart", "at 18:00")
    expect(alarm).to_have_text("Important Restart at 18:00")
    expect(alarm).to_have_role("alert")
    expect(strip).to_match_aria_snapshot(
        """
        - complementary "Important":
          - paragraph:
            - strong: Important
          - paragraph: Restart
          - text: at 18:00
          - button "Dismiss"
        """
    )
    alice.page.reload()
    expect(strip).to_contain_text("at 18:00")
    alice.await_state("live")
    expect(alarm).to_have_text("")


def tab_to(page: Page, label: str, key: str = "Tab") -> None:
    """Press the key until what begins with this label has the focus; all that has it on the way can be seen."""
    for _ in range(60):
        page.keyboard.press(key)
        assert page.evaluate(SEEN), page.evaluate("() => document.activeElement.outerHTML")
        if page.evaluate("() => document.activeElement.ariaLabel || document.activeElement.innerText").startswith(
            label
        ):
            return
    raise AssertionError(f"{key} never comes to {label}")


@pytest.mark.parametrize("size", [{"width": 1200, "height": 800}, PHONE], ids=["wide", "narrow"])
def test_everything_is_done_with_the_keyboard_alone(
    shared_site: ChatSite, people: People, room: str, size: dict[str, int]
) -> None:
    person = people.visitor(shared_site, viewport=size)
    page, keys, field = person.page, person.page.keyboard, person.page.locator("#write")
    page.goto(shared_site.url)
    tab_to(page, "Make an account")
    keys.press("Enter")
    page.wait_for_url("**/accounts/signup/**")
    keys.type(f"keys{size['width']}")
    for _ in range(2):
        keys.press("Tab")
        keys.type("a long enough password")
    keys.press("Enter")
    page.wait_for_url(shared_site.url)
    tab_to(page, room)
    keys.press("Enter")
    person.await_state("live")
    expect(field).to_be_focused()
    for text in ("the first", "the second"):
        keys.type(text)
        keys.press("Enter")
        person.message(text).wait_for()
    expect(person.message("the second").locator("article")).to_have_attribute("tabindex", "0")  # with the next frame
    keys.press("Shift+Tab")
    expect(person.message("the second").locator("article")).to_be_focused()
    keys.press("ArrowUp")
    expect(person.message("the first").locator("article")).to_be_focused()
    assert page.evaluate(SEEN)
    keys.press("Enter")
    expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
    keys.press("Enter")
    expect(field).to_be_focused()
    keys.type("a reply")
    keys.press("Enter")
    expect(person.message("a reply").locator(".quote")).to_contain_text("the first")
    keys.press("ArrowUp")
    expect(field).to_have_value("a reply")
    keys.type(", edited")
    keys.press("Enter")
    expect(person.message("a reply, edited").locator(".mark")).to_be_visible()
    tab_to(page, "All rooms", "Shift+Tab")
    keys.press("Enter")
    page.wait_for_url(shared_site.url)
    tab_to(page, "Sign out")
    keys.press("Enter")
    page.wait_for_url("**/accounts/logout/")
