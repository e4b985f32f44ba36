"""Real browsers for a test: Debian's Chromium by Playwright. People are contexts of one browser.

Fixtures of our own, because pytest-playwright keeps an event loop for the whole run. No ORM in these tests.
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, sync_playwright

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
PHONE = {"width": 360, "height": 640}
#: What a browser says by itself when a server is away, or a page is missing on purpose.
EXPECTED = ("WebSocket connection to", "Failed to load resource")


class Person:
    """Somebody at a browser of his own, with what went wrong in its pages."""

    def __init__(self, context: BrowserContext, site: ChatSite) -> None:
        self.context, self.site = context, site
        context.set_default_timeout(1000 * DEADLINE_S)
        self.troubles: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.troubles.append(dialog.message), dialog.dismiss()))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.troubles.append(message.text)

    def enter(self, room: str) -> None:
        """Open the room's page and wait until it is connected."""
        self.page.goto(f"{self.site.url}chat/{room}/")
        self.await_state("live")

    def await_state(self, state: str) -> None:
        """Wait until the page shows this state of the connection."""
        self.page.locator(f"#state[data-state={state}]").wait_for()

    def write(self, text: str) -> None:
        """Type a message and press Enter."""
        self.page.locator("#write").fill(text)
        self.page.locator("#write").press("Enter")

    @property
    def texts(self) -> list[str]:
        """The texts of the messages in the log, from top to bottom."""
        return self.page.locator("#rows .text").all_text_contents()

    def message(self, text: str) -> Locator:
        """The row in the log whose text is exactly this."""
        exact = self.page.get_by_text(text, exact=True)
        return self.page.locator("#rows > .row").filter(has=self.page.locator(".text").and_(exact))


class People:
    """Signs people in to one site, each in a context of the browser of his own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._all: list[Person] = []

    def visitor(self, site: ChatSite, **context: object) -> Person:
        """Somebody who is not signed in. `context` is as Playwright's `new_context` has it."""
        person = Person(self._browser.new_context(**context), site)  # type: ignore[arg-type]
        self._all.append(person)
        return person

    def person(self, site: ChatSite, name: str, **context: object) -> Person:
        """Somebody signed in with the account of that name."""
        person = self.visitor(site, **context)
        key, _, value = site.sign_in(name)[0].partition("=")
        person.context.add_cookies([{"name": key, "value": value, "url": site.url}])
        return person

    def leave(self) -> list[str]:
        """Close all windows; what went wrong in them."""
        troubles = [trouble for person in self._all for trouble in person.troubles]
        for person in self._all:
            person.context.close()
        return troubles


@pytest.fixture(scope="module")  # not session: its event loop must be gone before the next file's tests
def browser() -> Iterator[Browser]:
    """Chromium, one for the tests of a file."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as play:
        yield play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS + sandbox)


@pytest.fixture
def people(browser: Browser) -> Iterator[People]:
    """People at browsers; the test fails if one of their pages had an error or broke the policy."""
    people = People(browser)
    yield people
    assert people.leave() == []
