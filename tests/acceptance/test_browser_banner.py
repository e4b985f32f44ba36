"""A banner on the page, and readers who acknowledge what they see."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import People
from tests.acceptance.site import ChatSite
from tests.acceptance.test_browser_reconnect import post_lines

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_banner_stands_until_it_is_dismissed_replaced_or_cleared(
    shared_site: ChatSite, people: People, room: str
) -> None:
    def send(*options: str) -> None:
        done = shared_site.manage("chat_send", "-q", room, "--banner", *options)
        assert (done.returncode, done.stderr) == (0, "")

    send("--expire", "1h", "Restart at <b>18:00</b>")
    for number in range(3):
        shared_site.manage("chat_send", "-q", room, f"talk {number}")
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    strips = []
    for person in (alice, bob):
        person.enter(room)
        strips.append(person.page.locator("#banner"))
        expect(strips[-1].locator(".text")).to_have_text("Restart at <b>18:00</b>")
    strips[0].get_by_role("button", name="Dismiss").click()
    expect(strips[0]).to_be_hidden()
    expect(alice.page.locator("#log")).to_be_focused()
    expect(strips[1]).to_be_visible()
    alice.page.reload()
    alice.message("talk 2").wait_for()
    expect(strips[0]).to_be_hidden()
    send("--title", "Soon", "Restart at 18:30")
    for strip in strips:
        expect(strip).to_contain_text("Soon Restart at 18:30")
    send("--clear")
    for strip in strips:
        expect(strip).to_be_hidden()
    alice.page.reload()
    alice.message("talk 2").wait_for()
    expect(strips[0]).to_be_hidden()


def test_a_command_waits_until_somebody_has_seen_its_message(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    done = shared_site.manage("chat_send", room, "read me", "--wait", "seen", "--timeout", "30", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seen"] == 1
    done = shared_site.manage("chat_send", room, "and me", "--wait", "pushed", "--json")
    assert json.loads(done.stdout)["delivered"] == 1


def test_a_banner_says_how_grave_it_is_by_a_word_and_an_icon_of_its_own(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    strip = alice.page.locator("#banner")
    drawn = {}
    for priority in "12345":
        shared_site.manage("chat_send", "-q", room, "--banner", "-p", priority, f"banner {priority}")
        expect(strip.locator(".text")).to_have_text(f"banner {priority}")
        [icon] = [path for path in strip.locator(":scope > svg path").all() if path.is_visible()]
        drawn[strip.locator(".label").text_content()] = icon.get_attribute("class")
    assert drawn == {
        "For your information": "for-low", "Announcement": "for-usual", "Important": "for-high", "Urgent": "for-urgent",
    }  # fmt: skip


def test_a_banner_for_all_rooms_counts_once_in_a_browser(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    shared_site.manage("create_room", f"{room}-b")
    done = shared_site.manage("chat_send", "-q", "--all", "--banner", "-p", "max", "--expire", "1h", "Down at 18:00")
    assert done.returncode == 0, done.stderr
    strip, alarm = alice.page.locator("#banner"), alice.page.locator("#alarm")
    alice.enter(room)
    expect(alarm).to_have_text("Urgent Down at 18:00")
    alice.enter(f"{room}-b")
    expect(strip).to_be_visible()
    alice.page.goto(shared_site.url)  # the list of the rooms
    expect(strip).to_be_visible()
    expect(alarm).to_have_text("")
    strip.get_by_role("button", name="Dismiss").click()
    expect(alice.page.locator("#main")).to_be_focused()
    for name in (f"{room}-b", room):
        alice.enter(name)
        alice.message("Down at 18:00").wait_for()
        expect(strip).to_be_hidden()
    done = shared_site.manage("chat_send", "-q", room, "--banner", "Another")
    expect(strip).to_contain_text("Another")


def test_a_banner_that_came_or_went_within_a_gap_is_not_missed(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.write("before")
    alice.message("before").wait_for()
    strip = alice.page.locator("#banner")
    for banner, seen in ((["--banner", "The cellar is full of water"], True), (["--banner", "--clear"], False)):
        alice.context.set_offline(True)
        alice.await_state("offline")
        assert shared_site.manage("chat_send", "-q", room, *banner).returncode == 0
        post_lines(shared_site, room, 1, 1100)  # more than is caught up
        alice.context.set_offline(False)
        alice.await_state("live")
        alice.page.locator(".gap").wait_for(state="attached")
        expect(strip).to_be_visible(visible=seen)


def test_a_browser_whose_clock_is_wrong_shows_a_banner_for_its_time(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.clock.install(time=datetime.now(UTC) + timedelta(days=2))
    shared_site.manage("chat_send", "-q", room, "--banner", "--expire", "1h", "Restart at 18:00")
    alice.page.goto(f"{shared_site.url}chat/{room}/")
    strip = alice.page.locator("#banner")
    expect(strip).to_contain_text("Restart at 18:00")
    alice.page.clock.fast_forward("01:01:00")
    expect(strip).to_be_hidden()
