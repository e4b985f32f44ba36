"""Notifications and the sound: off until somebody switches them on, and then for what is meant for him."""

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.acceptance.browsing import People, Person
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Writes down each notification that the page shows; it is shown all the same.
LISTEN = """
window.shown = [];
window.Notification = class extends Notification {
    constructor(title, options) { super(title, options); window.shown.push([title, options.body, options.tag]); }
};
"""


def look_away(person: Person) -> None:
    """Another tab is in front; without this, Playwright has every page believe that it is."""
    session = person.context.new_cdp_session(person.page)
    session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    person.context.new_page().bring_to_front()
    wait_until(lambda: not person.page.evaluate("() => document.hasFocus()"), "a page without the focus")


def test_only_who_asked_is_notified_and_only_of_what_is_meant_for_him(
    shared_site: ChatSite, people: People, room: str
) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob", permissions=["notifications"])
    for person in (alice, bob):
        person.page.add_init_script(LISTEN)
        person.enter(room)
    alice.page.get_by_role("button", name="Notifications").click()
    show = alice.page.get_by_role("switch", name="Show a notification")
    expect(show).not_to_be_checked()
    expect(alice.page.get_by_role("switch", name="Play a sound")).not_to_be_checked()
    show.check()
    expect(show).to_be_checked()
    alice.page.keyboard.press("Escape")
    for person in (alice, bob):
        look_away(person)
    shared_site.manage("chat_send", room, "--name", "bot", "nothing special")
    shared_site.manage("chat_send", room, "--name", "bot", "--title", "Look", "hello @alice and @bob")
    shared_site.manage("chat_send", room, "--name", "bot", "-p", "max", "the cellar is full of water")
    wait_until(lambda: len(alice.page.evaluate("() => window.shown")) == 2, "two notifications")
    shown = alice.page.evaluate("() => window.shown")
    assert [(title, body) for title, body, _ in shown] == [
        (f"bot in {room}", "Look"),
        (f"bot in {room}", "the cellar is full of water"),
    ]
    assert len({tag for *_, tag in shown}) == 2
    assert bob.page.evaluate("() => window.shown") == []
    alice.enter(room)
    alice.page.get_by_role("button", name="Notifications").click()
    expect(show).to_be_checked()  # kept in this browser


def test_who_blocks_notifications_is_told(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice", permissions=[])
    alice.enter(room)
    alice.page.get_by_role("button", name="Notifications").click()
    alice.page.get_by_role("switch", name="Show a notification").click()
    expect(alice.page.locator("#notify-trouble")).to_contain_text("does not let this site notify you")
    expect(alice.page.get_by_role("switch", name="Show a notification")).not_to_be_checked()


def switch_on(person: Person) -> None:
    person.page.evaluate("() => localStorage.setItem('roomline.notify', 'on')")


def test_who_has_the_room_in_front_is_not_notified_by_another_tab(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice", permissions=["notifications"])
    alice.page.add_init_script(LISTEN)
    page: list[WebSocketRoute] = []
    held: list[str | bytes] = []

    def hold(route: WebSocketRoute) -> None:
        page.append(route)
        server = route.connect_to_server()
        server.on_message(lambda text: (held.append if "seen by @" in str(text) else route.send)(text))

    alice.page.route_web_socket("**/ws/**", hold)
    alice.enter(room)
    switch_on(alice)
    look_away(alice)
    front = alice.context.new_page()
    front.goto(alice.page.url)
    front.locator("#state[data-state=live]").wait_for()
    front.bring_to_front()
    shared_site.manage("chat_send", room, "--name", "bot", "seen by @alice")
    front.get_by_text("seen by").wait_for()
    wait_until(
        lambda: "seen" in front.evaluate("() => Object.keys(localStorage).join()"), "the note of the tab in front"
    )
    wait_until(lambda: alice.page.evaluate("() => true") and held, "the message in the other tab, too")
    page[0].send(held[0])  # not earlier: it waits but a moment for what the tab in front says
    front.goto("about:blank")
    shared_site.manage("chat_send", room, "--name", "bot", "unseen, @alice")
    wait_until(lambda: alice.page.evaluate("() => window.shown.length"), "the notification")
    assert [body for _, body, _ in alice.page.evaluate("() => window.shown")] == ["unseen, @alice"]


def test_what_was_missed_while_the_connection_was_gone_is_notified_of_too(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice", permissions=["notifications"])
    alice.page.add_init_script(LISTEN)
    shared_site.manage("chat_send", room, "--name", "bot", "old news for @alice")
    alice.enter(room)
    switch_on(alice)
    look_away(alice)
    alice.context.set_offline(True)
    alice.await_state("offline")
    for number in range(5):
        shared_site.manage("chat_send", room, "--name", "bot", f"number {number} for @alice")
    alice.context.set_offline(False)
    wait_until(lambda: alice.page.evaluate("() => window.shown.length"), "notifications")
    shown = [body for _, body, _ in alice.page.evaluate("() => window.shown")]
    assert shown == [f"number {number} for @alice" for number in (2, 3, 4)]  # the last ones, not a hail of them
