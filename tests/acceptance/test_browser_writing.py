"""What somebody does with messages in a real browser: answers, edits, deletes, mentions, and what he has begun."""

import json
import re

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from tests.acceptance.browsing import PHONE, People, Person
from tests.acceptance.clients import in_the_log
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def field(person: Person) -> Locator:
    """Where messages are written."""
    return person.page.locator("#write")


def act(person: Person, text: str, deed: str) -> None:
    """Choose from the menu of the message with this text, with the keyboard alone."""
    person.message(text).locator("article").focus()
    person.page.keyboard.press("Enter")
    person.page.get_by_role("menuitem", name=deed).focus()
    person.page.keyboard.press("Enter")


def settled(person: Person) -> None:
    """Wait until everything that was sent stands in the log."""
    expect(person.page.locator("#outbox > *")).to_have_count(0)


def test_an_answer_names_what_it_answers(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bob.enter(room)
    alice.write("Who brings the cake?\nAnd the tea?")
    act(bob, "Who brings the cake? And the tea?", "Reply")
    expect(field(bob)).to_be_focused()
    expect(bob.page.locator("#target")).to_have_text("Answer to alice: Who brings the cake?")
    bob.write("I do")
    expect(bob.page.locator("#target")).to_be_hidden()
    answer = alice.message("I do")
    expect(answer.locator(".quote")).to_contain_text("Who brings the cake?")
    assert [message["reply_to"] for message in in_the_log(shared_site, room)] == [None, 1]
    act(bob, "I do", "Reply")
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator("#target")).to_be_hidden()


def test_the_last_own_message_is_edited_from_the_empty_field(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bob.enter(room)
    alice.write("first draft")
    bob.message("first draft").wait_for()
    bob.write("something else")
    alice.message("something else").wait_for()
    settled(alice)
    field(alice).press("ArrowUp")
    expect(field(alice)).to_have_value("first draft")
    alice.write("second draft")
    expect(field(alice)).to_have_value("")
    expect(alice.page.locator("#target")).to_be_hidden()
    expect(bob.message("second draft").locator(".mark")).to_have_text("edited")
    assert alice.texts == bob.texts == ["second draft", "something else"]


def test_what_was_begun_before_an_edit_comes_back_after_it(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.write("a sentence")
    settled(alice)
    field(alice).press_sequentially("half a thought")
    act(alice, "a sentence", "Edit")
    expect(field(alice)).to_have_value("a sentence")
    field(alice).press("Escape")
    expect(field(alice)).to_have_value("half a thought")
    act(alice, "a sentence", "Edit")
    field(alice).press("Enter")  # unchanged: nothing is sent
    expect(field(alice)).to_have_value("half a thought")
    assert in_the_log(shared_site, room)[0]["edited_at"] is None


def without_room_events(route: WebSocketRoute) -> None:
    """The page does not hear what has become of its room, as in the seconds before it does."""
    server = route.connect_to_server()
    server.on_message(lambda text: route.send(text) if json.loads(text)["type"] != "room" else None)


def test_a_refused_edit_says_why_and_keeps_the_text(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.route_web_socket("**/ws/**", without_room_events)
    alice.enter(room)
    alice.write("before the archive")
    settled(alice)
    act(alice, "before the archive", "Edit")
    code = (
        "from django.utils import timezone; from chatcore.models import Room; "
        f"Room.objects.filter(name={room!r}).update(archived_at=timezone.now())"
    )
    assert shared_site.manage("shell", "-v0", "-c", code).returncode == 0
    alice.write("after the archive")
    expect(alice.page.locator("#trouble")).to_contain_text("This room is archived")
    expect(field(alice)).to_have_value("after the archive")
    expect(field(alice)).to_be_editable()
    assert alice.texts == ["before the archive"]


def test_deleting_asks_once_and_is_for_the_author(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bob.enter(room)
    alice.write("a slip of the tongue")
    bob.message("a slip of the tongue").locator("article").focus()
    bob.page.keyboard.press("Shift+F10")
    expect(bob.page.get_by_role("menuitem")).to_have_text(["Reply", "Copy link"])
    bob.page.keyboard.press("Escape")
    expect(bob.message("a slip of the tongue").locator("article")).to_be_focused()
    act(alice, "a slip of the tongue", "Delete")
    question = alice.page.get_by_role("dialog", name="Delete this message?")
    expect(question).to_contain_text("a slip of the tongue")
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    alice.page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    assert alice.texts == ["a slip of the tongue"]
    act(alice, "a slip of the tongue", "Delete")
    question.get_by_role("button", name="Delete").click()
    for person in (alice, bob):
        person.message("This message was deleted").wait_for()
    assert [message["deleted"] for message in in_the_log(shared_site, room)] == [True]


def test_who_keeps_order_may_delete_what_others_wrote(shared_site: ChatSite, people: People, room: str) -> None:
    bob, owner = people.signed_in(shared_site, "bob", "the-owner")
    shared_site.manage("create_room", room, "--update", "--owner", "the-owner")
    owner.enter(room)
    bob.enter(room)
    bob.write("out of order")
    act(owner, "out of order", "Delete")
    owner.page.get_by_role("button", name="Delete").click()
    bob.message("This message was deleted").wait_for()


def test_the_menu_is_opened_by_its_button_and_copies_a_link(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice", permissions=["clipboard-read", "clipboard-write"])
    alice.enter(room)
    alice.write("worth a link")
    settled(alice)
    row = alice.message("worth a link")
    row.hover()
    more = row.locator("button.more")
    more.click()
    expect(more).to_have_attribute("aria-expanded", "true")
    menu = alice.page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Reply")).to_be_focused()
    for key in ("ArrowDown", "ArrowDown"):
        alice.page.keyboard.press(key)
    expect(menu.get_by_role("menuitem", name="Copy link")).to_be_focused()
    alice.page.keyboard.press("Enter")
    expect(alice.page.locator("#done")).to_have_text("Link copied")
    expect(more).to_have_attribute("aria-expanded", "false")
    assert alice.page.evaluate("() => navigator.clipboard.readText()") == f"{shared_site.url}chat/{room}/#1"


def test_a_draft_outlives_a_reload_with_what_it_answers(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    shared_site.manage("chat_send", room, "a question")
    alice.enter(room)
    alice.message("a question").wait_for()
    act(alice, "a question", "Reply")
    field(alice).press_sequentially("not finished")
    alice.enter(room)
    expect(field(alice)).to_have_value("not finished")
    expect(alice.page.locator("#target")).to_contain_text("a question")
    field(alice).press("Enter")
    alice.message("not finished").wait_for()
    alice.enter(room)
    expect(field(alice)).to_have_value("")
    assert in_the_log(shared_site, room)[1]["reply_to"] == 1


def test_two_tabs_leave_each_other_s_drafts_alone(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    other = alice.context.new_page()
    other.goto(alice.page.url)
    other.locator("#state[data-state=live]").wait_for()
    field(alice).press_sequentially("in the first")
    other.locator("#write").press_sequentially("in the second")
    expect(field(alice)).to_have_value("in the first")
    kept = "() => Object.entries(localStorage).find(([key]) => key.includes('draft'))?.[1] ?? ''"
    wait_until(lambda: "in the second" in other.evaluate(kept), "the second draft")
    field(alice).press("Enter")
    settled(alice)
    other.reload()
    expect(other.locator("#write")).to_have_value("in the second")


def test_a_tab_finds_again_what_was_begun_in_it(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    other = alice.context.new_page()
    other.goto(alice.page.url)
    other.locator("#state[data-state=live]").wait_for()
    field(alice).press_sequentially("in the first")
    kept = "() => Object.entries(localStorage).find(([key]) => key.includes('draft'))?.[1] ?? ''"
    wait_until(lambda: "in the first" in other.evaluate(kept), "the first draft")
    other.locator("#write").press_sequentially("in the second")
    wait_until(lambda: "in the second" in other.evaluate(kept), "the second draft")
    alice.page.reload()
    expect(field(alice)).to_have_value("in the first")
    other.reload()
    expect(other.locator("#write")).to_have_value("in the second")


def test_an_unsent_text_goes_out_after_a_reload_once(shared_site: ChatSite, people: People, room: str) -> None:
    """Once a text that never reached the server, once one whose answer never came back."""
    [alice] = people.signed_in(shared_site, "alice")
    held: list[str] = []

    def hold(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        if len(held) < 2:
            server.on_message(lambda text: None if "client_id" in str(text) else route.send(text))
            route.on_message(lambda text: held.append(str(text)) if "never sent" in str(text) else server.send(text))

    alice.page.route_web_socket("**/ws/**", hold)
    alice.enter(room)
    alice.write("never sent")
    alice.write("never answered")
    wait_until(lambda: len(in_the_log(shared_site, room)) == 1, "the message whose answer is lost")
    held.append("from now on all goes through")
    alice.enter(room)
    settled(alice)
    wait_until(lambda: sorted(alice.texts) == ["never answered", "never sent"], "both, once")
    log = in_the_log(shared_site, room)
    assert [message["message"] for message in log] == ["never answered", "never sent"]
    assert json.loads(held[0])["client_id"] == log[1]["client_id"]


def test_what_waits_after_a_reload_goes_on_from_the_log(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")

    def hold(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        route.on_message(lambda text: None if "not yet" in str(text) else server.send(text))

    alice.page.route_web_socket("**/ws/**", hold)
    alice.enter(room)
    alice.write("in the log")
    alice.message("in the log").wait_for()
    alice.write("not yet")
    alice.enter(room)
    alice.message("in the log").wait_for()
    expect(alice.page.locator("#outbox .row")).to_have_class(re.compile("continued"))  # no second date, no byline


def test_others_see_who_types(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bob.enter(room)
    field(alice).press_sequentially("let me think")
    typing = bob.page.locator("#typing")
    expect(typing).to_have_text("\u2068alice\u2069 is typing…")
    field(alice).press("Enter")
    bob.message("let me think").wait_for()
    expect(typing).to_have_text("")
    assert alice.page.locator("#typing").text_content() == ""


def test_a_name_is_completed_after_an_at(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob.smith")
    alice.enter(room)
    bob.enter(room)
    bob.write("I am here")
    alice.message("I am here").wait_for()
    options = alice.page.get_by_role("option")
    field(alice).press_sequentially("mail bob@b")
    expect(options).to_have_count(0)
    field(alice).press_sequentially(" and @bo")
    expect(options).to_have_count(1)
    expect(field(alice)).to_have_attribute("aria-activedescendant", "mention-0")
    field(alice).press("Escape")
    expect(options).to_have_count(0)
    expect(field(alice)).to_have_value("mail bob@b and @bo")
    field(alice).press_sequentially("b")
    expect(options.first).to_have_attribute("aria-selected", "true")
    field(alice).press("Enter")
    expect(field(alice)).to_have_value("mail bob@b and @bob.smith ")
    expect(options).to_have_count(0)
    field(alice).press("Enter")
    expect(bob.page.locator("#rows mark.mention")).to_have_text("@bob.smith")
    assert in_the_log(shared_site, room)[1]["mentions"] == ["bob.smith"]


def test_on_touch_enter_breaks_the_line_and_the_button_sends(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice", viewport=PHONE, has_touch=True, is_mobile=True)
    alice.enter(room)
    expect(field(alice)).to_have_attribute("enterkeyhint", "enter")
    expect(field(alice)).not_to_be_focused()  # no keyboard over the conversation
    field(alice).tap()
    field(alice).press_sequentially("one")
    field(alice).press("Enter")
    field(alice).press_sequentially("two")
    field(alice).press("Enter")
    expect(field(alice)).to_have_value("one\ntwo\n")
    alice.page.get_by_role("button", name="Send").tap()
    wait_until(lambda: alice.texts == ["one\ntwo"], "the message")


def test_a_very_long_paste_is_refused_with_a_count_and_kept(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    long = "wörter und 😀 " * 7693  # 100,009 characters
    field(alice).focus()
    alice.page.keyboard.insert_text(long)
    expect(alice.page.locator("#counter")).to_have_text("96,009 characters too many")
    field(alice).press("Enter")
    expect(alice.page.locator("#trouble")).to_contain_text("100,009 characters, and 4,000 is the limit")
    alice.enter(room)
    expect(field(alice)).to_have_value(long)
    assert alice.texts == []
