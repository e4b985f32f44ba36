"""Real browsers for a test: Debian's Chromium by Playwright. People are contexts of one browser.

Fixtures of our own, because pytest-playwright keeps an event loop for the whole run. No ORM in these tests.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, expect, sync_playwright

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

expect.set_options(timeout=1000 * DEADLINE_S)  # else 5 s, whatever the machine
CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
PHONE = {"width": 360, "height": 640}
#: What a browser says by itself when a server is away, or a page is missing on purpose.
EXPECTED = ("WebSocket connection to", "Failed to load resource")

#: Whether what has the focus can be seen: nothing is laid over it, and at least half of it is within the window and
#: the log; of what is taller than these, as much as fills half of them.
SEEN = """() => new Promise((answer) => {
    const watch = new IntersectionObserver(([{ target, boundingClientRect: box, intersectionRect: part }]) => {
        watch.disconnect();
        const over = document.elementFromPoint((part.left + part.right) / 2, (part.top + part.bottom) / 2);
        const room = Math.min(innerHeight, target.closest("#log")?.clientHeight ?? Infinity);
        const enough = part.width >= box.width / 2 && part.height >= Math.min(box.height, room) / 2;
        answer(part.width > 0 && enough && Boolean(over) && (target.contains(over) || over.contains(target)));
    });
    watch.observe(document.activeElement);
})"""


class Person:
    """Somebody at a browser of his own, with what went wrong in its pages."""

    def __init__(self, context: BrowserContext, site: ChatSite) -> None:
        self.context, self.site = context, site
        context.set_default_timeout(1000 * DEADLINE_S)
        self.troubles: list[str] = []
        self.expected: tuple[str, ...] = EXPECTED
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self._frames: list[str] = []
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._take))

    def _take(self, frame: str | bytes) -> None:
        self._frames.append(str(frame))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(self.expected):
            self.troubles.append(message.text)

    def _dismiss(self, dialog: Dialog) -> None:
        self.troubles.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def enter(self, room: str) -> None:
        """Open the room's page and wait until it is connected."""
        self.page.goto(f"{self.site.url}chat/{room}/")
        self.await_state("live")

    def await_state(self, state: str) -> None:
        """Wait until the page shows this state of the connection."""
        self.page.locator(f"#state[data-state={state}]").wait_for()

    def received(self, words: str) -> int:
        """How many frames with these words have come to the page and been taken in."""
        self.page.evaluate("() => null")  # after what the last one did
        return sum(words in frame for frame in self._frames)

    def stop_the_clock(self) -> None:
        """No timer ends and nothing is drawn until `page.clock.resume()`. `page.clock.install()` comes first of all."""
        self.page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=10))  # it cannot be put back

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
    """Signs people in, each in a context of the browser of his own. `cookies` are the sessions that exist."""

    def __init__(self, browser: Browser, cookies: dict[tuple[str, str], str]) -> None:
        self._browser = browser
        self._cookies = cookies
        self._all: list[Person] = []

    def visitor(self, site: ChatSite, **context: object) -> Person:
        """Somebody who is not signed in. `context` is as Playwright's `new_context` has it."""
        person = Person(self._browser.new_context(**context), site)  # type: ignore[arg-type]
        self._all.append(person)
        return person

    def signed_in(self, site: ChatSite, *names: str, **context: object) -> list[Person]:
        """A person for each of these accounts, signed in."""
        strangers = [name for name in names if (site.url, name) not in self._cookies]
        if strangers:
            keys = [(site.url, name) for name in strangers]
            self._cookies.update(zip(keys, site.sign_in(*strangers), strict=True))
        persons = [self.visitor(site, **context) for _ in names]
        for person, name in zip(persons, names, strict=True):
            key, _, value = self._cookies[site.url, name].partition("=")
            person.context.add_cookies([{"name": key, "value": value, "url": site.url}])
        return persons

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


@pytest.fixture(scope="module")
def _cookies() -> dict[tuple[str, str], str]:
    return {}


@pytest.fixture
def people(browser: Browser, _cookies: dict[tuple[str, str], str]) -> Iterator[People]:
    """People at browsers; the test fails if one of their pages had an error or broke the policy."""
    people = People(browser, _cookies)
    yield people
    troubles = people.leave()
    assert not troubles, troubles


@pytest.fixture(scope="module")
def _rooms(shared_site: ChatSite) -> Iterator[str]:
    code = "from chatcore.services import create_room\nfor n in range(40): create_room(f'room-{n}')"
    done = shared_site.manage("shell", "-v0", "-c", code)
    assert done.returncode == 0, done.stderr
    return (f"room-{number}" for number in range(40))


@pytest.fixture
def room(_rooms: Iterator[str]) -> str:
    """A room of the shared site for this test alone."""
    return next(_rooms)
