"""A banner on the page, and readers who acknowledge what they see."""

import json

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import People
from tests.acceptance.site import ChatSite

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
