"""axe finds nothing on any page, light and dark, on a desktop and on a phone; and a large zoom cuts nothing off."""

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.acceptance.browsing import PHONE, SEEN, People
from tests.acceptance.site import ChatSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: All of axe's rules, also the one for WCAG 2.2 that it leaves out unless it is asked for.
RULES = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1200, "height": 800}},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
}
FORMS = ("accounts/login/", "accounts/signup/")
PAGES = (
    "", "chat/lobby/", "chat/silent/", "chat/announcements/", "chat/lobby/people/", "chat/lobby/search/",
    "chat/lobby/search/?q=code", "api/", "rooms/new/", "chat/nowhere/", "chat/a b/", "accounts/password/",
    "no/such/page/",
)  # fmt: skip
MARKDOWN = "# Head\n*a* [b](https://c.example) `d`\n\n> e\n\n|f|g|\n|-|-|\n|h|i|\n\n```\nj\n```\n\n1. k\n"
FULL_ROOM = (
    ("--format", "markdown", "--tag", "x", "--link", "https://a.example/", MARKDOWN),
    ("--kind", "notice", "-p", "1", "--title", "Backup", "https://b.example/ done"),
    ("-p", "4", "soon"),
    ("-p", "5", "--title", "Disk", "full"),
    ("--as", "bob", "-p", "5", "--format", "code", "--", "code " * 60),
    ("--as", "bob", "-p", "2", "@alice https://google.com@evil.example/"),
    ("--as", "alice", "--reply-to", "1", "--tag", "y", "an answer with https://c.example/"),
    ("--as", "alice", "--format", "markdown", MARKDOWN),
    ("--as", "bob", "slip"),
    ("--edit", "2", "changed"),
    ("--delete", "9"),
)


@pytest.fixture(scope="module")
def full_site(shared_site: ChatSite) -> ChatSite:
    """The shared site with a room in which there is one of everything."""
    shared_site.sign_in("alice", "bob")
    for arguments in (
        ("create_room", "lobby", "--title", "The lobby", "--topic", "Everything"),
        ("create_room", "silent"),
        ("create_room", "announcements", "--announce-only", "--owner", "bob"),
        *(("chat_send", "-q", "lobby", *arguments) for arguments in FULL_ROOM),
    ):
        done = shared_site.manage(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    return shared_site


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, light and dark."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("() => document.getAnimations().every((each) => each.playState !== 'running')")
        for each in Axe().run(page, options=RULES).response["violations"]:
            for node in each["nodes"]:
                found.append(f"{page.url} {scheme}: {each['id']}: {node['html']}: {node['failureSummary']}")
    return found


@pytest.mark.parametrize("device", DEVICES)
def test_axe_finds_nothing_on_any_page(full_site: ChatSite, people: People, device: str) -> None:
    found = []
    visitor = people.visitor(full_site, **DEVICES[device])
    for path in ("accounts/password/forgotten/", *FORMS):
        visitor.page.goto(full_site.url + path)
        found += violations(visitor.page)
        if path in FORMS:
            visitor.page.evaluate("() => { document.querySelector('main form').noValidate = true; }")
            visitor.page.locator("main form button").click()
            visitor.page.locator(".errorlist").first.wait_for()
            found += violations(visitor.page)
    [alice] = people.signed_in(full_site, "alice", **DEVICES[device])
    for path in PAGES:
        alice.page.goto(full_site.url + path)
        if alice.page.locator("#state").count():
            alice.await_state("live")
        found += violations(alice.page)
    [leaver] = people.signed_in(full_site, f"leaver-{device}", **DEVICES[device])
    leaver.page.goto(full_site.url)
    leaver.page.get_by_role("button", name="Sign out").click()
    leaver.page.wait_for_url("**/accounts/logout/")
    found += violations(leaver.page)
    assert found == []


@pytest.mark.parametrize("device", DEVICES)
def test_axe_finds_nothing_in_a_room_with_everything_that_comes_and_goes(
    full_site: ChatSite, people: People, device: str
) -> None:
    [alice] = people.signed_in(full_site, "alice", **DEVICES[device])
    alice.enter("lobby")
    alice.message("soon").wait_for()
    found = []
    for priority in "12345":
        full_site.manage("chat_send", "-q", "lobby", "--banner", "-p", priority, "--title", "T", f"banner {priority}")
        expect(alice.page.locator("#banner .text")).to_have_text(f"banner {priority}")
        found += violations(alice.page)
    full_site.manage("chat_send", "-q", "lobby", "--banner", "--clear")
    alice.page.locator("#banner").wait_for(state="hidden")
    alice.page.locator("#rows article").last.focus()
    alice.page.keyboard.press("Enter")
    alice.page.get_by_role("menu").wait_for()
    found += violations(alice.page)
    alice.page.keyboard.press("Escape")
    alice.context.set_offline(True)
    alice.page.evaluate("() => dispatchEvent(new Event('offline'))")
    alice.page.locator("#write").fill("x" * 3900)
    alice.page.locator("#counter").wait_for()
    found += violations(alice.page)
    alice.page.locator("#send").click()
    alice.page.locator("#outbox .waiting").wait_for()
    found += violations(alice.page)
    alice.context.set_offline(False)
    expect(alice.page.locator("#outbox > *")).to_have_count(0)  # stored: the next test finds the same room in each run
    assert found == []


@pytest.mark.parametrize("size", [(320, 256), (640, 400)])
def test_at_a_large_zoom_nothing_is_cut_off(full_site: ChatSite, people: People, size: tuple[int, int]) -> None:
    """320 by 256 is what a window of 1280 by 1024 is at 400 %."""
    viewport: dict[str, Any] = {"width": size[0], "height": size[1]}
    [alice] = people.signed_in(full_site, "alice", viewport=viewport)
    for path in PAGES:
        alice.page.goto(full_site.url + path)
        assert alice.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
    full_site.manage("chat_send", "-q", "--as", "alice", "lobby", "taller than the log " * 60)
    for text in ("an answer", "shorter than the log"):
        full_site.manage("chat_send", "-q", "--as", "bob", "lobby", text)
    alice.enter("lobby")
    alice.message("shorter than the log").last.wait_for()
    assert alice.page.locator("#log").evaluate("(log) => log.clientHeight") >= 100
    alice.page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
    expect(alice.page.locator("#write")).to_be_in_viewport()  # the page ends with the form
    for target in (*map(alice.page.locator, ("#write", "#send")), *alice.page.locator("#rows article").all()):
        target.focus()
        assert alice.page.evaluate(SEEN), target.evaluate("(element) => element.outerHTML")
