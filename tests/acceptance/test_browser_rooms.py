"""The list of rooms, who is in a room, its members, and search, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import PHONE, People
from tests.acceptance.site import ChatSite
from tests.acceptance.test_browser_reading import await_read_mark
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


def post(site: ChatSite, room: str, *texts: str) -> None:
    for text in texts:
        assert site.manage("chat_send", "-q", room, "--", text).returncode == 0


@pytest.mark.slow
def test_who_is_in_the_room_is_counted_in_the_bar_and_named_in_a_panel(
    shared_site: ChatSite, people: People, room: str
) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bar = alice.page.locator("#people-open")
    expect(bar).to_have_accessible_name("People: 1 person here now")
    bob.enter(room)
    expect(bar).to_have_accessible_name("People: 2 people here now")
    bar.press("Enter")
    panel = alice.page.get_by_role("dialog", name="Here now")
    expect(panel.get_by_role("listitem")).to_have_text(["alice", "bob"])
    bob.enter(room)  # reloading is not leaving: nobody sees it
    expect(bar).to_have_accessible_name("People: 2 people here now")
    bob.page.goto("about:blank")
    expect(panel.get_by_role("listitem")).to_have_text(["alice"])
    alice.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bar).to_be_focused()


@pytest.mark.slow
def test_the_list_tells_what_is_new_and_who_is_there(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    post(shared_site, room, "one")
    alice.message("one").wait_for()
    await_read_mark(shared_site, room, 1)
    alice.page.goto(shared_site.url)
    entry = alice.page.locator("li").filter(has=alice.page.get_by_role("link", name=re.compile(rf"^{room}\b")))
    bob.enter(room)
    post(shared_site, room, "two", "three")
    alice.page.reload()
    expect(entry).to_contain_text("2 unread messages")
    expect(entry).to_contain_text("here now")
    expect(entry.locator("time")).to_have_text(re.compile("sec|now"))
    entry.get_by_role("link").click()
    alice.message("three").wait_for()
    await_read_mark(shared_site, room, 3)
    alice.page.get_by_role("link", name="All rooms").click()
    expect(entry).to_be_visible()
    expect(entry).not_to_contain_text("unread")


@pytest.mark.slow
def test_a_banner_to_all_rooms_stands_above_the_list_and_is_dismissed_everywhere(
    chat_site: ChatSite, people: People
) -> None:

    chat_site.manage("create_room", "alpha")
    chat_site.manage("create_room", "beta")
    chat_site.manage("chat_send", "-q", "--all", "--banner", "--expire", "1h", "Restart at 18:00")
    (alice,) = people.signed_in(chat_site, "alice")
    alice.page.goto(chat_site.url)
    strip = alice.page.locator("#banner")
    expect(strip).to_contain_text("Restart at 18:00")
    strip.get_by_role("button", name="Dismiss").click()
    expect(strip).to_be_hidden()
    alice.enter("beta")
    expect(strip).to_be_hidden()


@pytest.mark.slow
def test_people_join_by_keyboard_and_owners_add_them(chat_site: ChatSite, people: People) -> None:

    chat_site.sign_in("alice", "bob", "carol")
    chat_site.manage("create_room", "club", "--owner", "alice")
    alice, bob = people.signed_in(chat_site, "alice", "bob")
    bob.page.goto(f"{chat_site.url}chat/club/people/")
    bob.page.get_by_role("button", name="Join this room").press("Enter")
    expect(bob.page.get_by_role("status")).to_have_text("You have joined this room.")
    alice.page.goto(f"{chat_site.url}chat/club/people/")
    alice.page.get_by_role("textbox", name="Account").fill("carol")
    alice.page.get_by_label("Role").select_option("moderator")
    alice.page.get_by_role("button", name="Save").click()
    expect(alice.page.locator(".people li")).to_have_text([re.compile("alice"), re.compile("carol"), re.compile("bob")])
    alice.page.get_by_role("button", name="Remove bob").click()
    expect(alice.page.locator(".people li")).to_have_count(2)


@pytest.mark.slow
def test_what_is_found_is_marked_and_leads_to_its_place_in_the_room(
    shared_site: ChatSite, people: People, room: str
) -> None:
    (alice,) = people.signed_in(shared_site, "alice")
    post(shared_site, room, "the red fox", "a hen")
    alice.enter(room)
    alice.page.get_by_role("link", name="Search in this room").click()
    alice.page.get_by_role("searchbox").fill("FOX the")
    alice.page.keyboard.press("Enter")
    expect(alice.page.locator("mark")).to_have_text(["the", "fox"])
    alice.page.locator(".hits a").click()
    alice.await_state("live")
    assert alice.page.url.endswith(f"/chat/{room}/#1")
    alice.message("the red fox").wait_for()


@pytest.mark.slow
def test_these_pages_fit_a_phone(shared_site: ChatSite, people: People, room: str) -> None:
    (alice,) = people.signed_in(shared_site, "alice", viewport={**PHONE, "width": 320})
    post(shared_site, room, "w" * 300)
    for path in ("", "rooms/new/", f"chat/{room}/people/", f"chat/{room}/search/?q=www", f"chat/{room}/"):
        alice.page.goto(shared_site.url + path)
        assert alice.page.evaluate("document.documentElement.scrollWidth") <= 320, path


@pytest.mark.slow
def test_an_open_page_follows_what_becomes_of_its_room_and_of_its_reader(chat_site: ChatSite, people: People) -> None:
    chat_site.manage("create_room", "newbox", "--title", "The box")
    [alice] = people.signed_in(chat_site, "alice")
    alice.enter("newbox")
    alice.write("before")
    alice.message("before").wait_for()
    alice.page.locator("#write").fill("begun")
    assert chat_site.manage("chat_rooms", "set", "newbox", "title=Another box", "topic=Odds and ends").returncode == 0
    expect(alice.page.locator("#title")).to_have_text("Another box")
    expect(alice.page.locator("#topic")).to_have_text("Odds and ends")
    assert alice.page.title() == "Another box · Roomline"

    assert chat_site.manage("chat_rooms", "rename", "newbox", "Größe_2.0").returncode == 0
    wait_until(lambda: "newbox" not in alice.page.evaluate("location.href"), "the new name in the address")
    links = alice.page.evaluate("() => [...document.links].map((link) => link.href)")
    assert not [link for link in links if "newbox" in link]
    alice.page.locator("#write").press("Enter")
    alice.message("begun").wait_for()
    alice.page.reload()
    alice.await_state("live")
    alice.message("begun").wait_for()

    notice = alice.page.locator("#read-only p:visible")
    assert chat_site.manage("chat_user", "mute", "alice").returncode == 0
    expect(notice).to_have_text("You can read here, but not write.")
    expect(alice.page.locator("#composer")).to_be_hidden()
    assert chat_site.manage("chat_user", "unmute", "alice").returncode == 0
    expect(alice.page.locator("#composer")).to_be_visible()
    assert chat_site.manage("chat_rooms", "archive", "Größe_2.0").returncode == 0
    expect(notice).to_contain_text("This room is archived")
    assert chat_site.manage("chat_rooms", "restore", "Größe_2.0").returncode == 0
    expect(alice.page.locator("#composer")).to_be_visible()
    assert chat_site.manage("chat_user", "ban", "alice").returncode == 0
    expect(alice.page.locator("#stopped")).to_be_visible()


@pytest.mark.slow
def test_a_page_that_was_asleep_finds_its_room_under_its_new_name(chat_site: ChatSite, people: People) -> None:
    chat_site.manage("create_room", "newbox")
    [alice] = people.signed_in(chat_site, "alice")
    alice.enter("newbox")
    alice.write("before")
    alice.message("before").wait_for()
    alice.context.set_offline(True)
    alice.await_state("offline")
    assert chat_site.manage("chat_rooms", "rename", "newbox", "oldbox").returncode == 0
    chat_site.manage("create_room", "newbox")
    chat_site.manage("chat_send", "oldbox", "meanwhile")
    alice.context.set_offline(False)
    alice.message("meanwhile").wait_for()
    assert alice.page.url.endswith("/chat/oldbox/")
    assert alice.texts == ["before", "meanwhile"]


@pytest.mark.slow
def test_the_name_of_somebody_who_was_erased_goes_from_open_pages(chat_site: ChatSite, people: People) -> None:
    chat_site.manage("create_room", "newbox")
    alice, bob = people.signed_in(chat_site, "alice", "bob")
    bob.enter("newbox")
    bob.write("my secret")
    alice.enter("newbox")
    alice.message("my secret").wait_for()
    assert chat_site.manage("chat_user", "erase", "bob", "--no-input").returncode == 0
    expect(alice.page.locator("#rows")).to_contain_text("deleted user")
    assert "my secret" not in alice.page.content()
    assert "bob" not in alice.page.locator("#rows").inner_text()
    expect(bob.page.locator("#stopped")).to_be_visible()
