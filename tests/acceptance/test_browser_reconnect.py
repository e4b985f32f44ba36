"""What a page does when its connection ends: it comes back and has everything once, or it says why it does not."""

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.acceptance.browsing import People, Person
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POST = """
from chatcore.services import Post, post_messages
post_messages([Post({room!r}, f"line {{number}}") for number in range({first}, {last} + 1)])
"""
HIDE = """() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Cut:
    """Stands between a page and the server's sockets, to end them with a code of choice, or to let them fall silent."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.routes: list[WebSocketRoute] = []
        self.silent: set[WebSocketRoute] = set()
        self.heard: list[str] = []
        # Said when what the page wrote into an open socket gets here after the server has closed the one behind it. A
        # page that writes into a closed socket gets an exception from Playwright's instead, which nobody expects.
        person.expected += ("WebSocket is already in CLOSING or CLOSED state",)
        person.page.route_web_socket("**/ws/**", self._connected)

    def _connected(self, route: WebSocketRoute) -> None:
        self.routes.append(route)
        server = route.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            if route not in self.silent:
                self.heard.append(str(text))
                route.send(text)

        server.on_message(pass_on)

    def now(self, code: int) -> None:
        self.routes[-1].close(code=code)

    def falls_silent(self) -> None:
        """Nothing comes any more, and nobody says so: what a dead network looks like."""
        self.silent.add(self.routes[-1])

    def came_back(self, after: int) -> None:
        """Wait until there is a socket more than `after`, and it is live."""
        wait_until(lambda: self._pumped() > after, "a new socket")
        self.person.await_state("live")

    def _pumped(self) -> int:
        self.person.page.wait_for_timeout(10)  # Playwright's events have their turn
        return len(self.routes)


def post_lines(site: ChatSite, room: str, first: int, last: int) -> None:
    """Messages `line FIRST` to `line LAST` in one transaction of a process of its own."""
    done = site.manage("shell", "-v0", "-c", POST.format(room=room, first=first, last=last))
    assert done.returncode == 0, done.stderr


def test_a_page_outlives_a_restart_and_has_everything_once(chat_site: ChatSite, people: People) -> None:
    chat_site.manage("create_room", "newbox")
    alice, bob = people.signed_in(chat_site, "alice", "bob")
    for person in (alice, bob):
        person.enter("newbox")
    alice.write("before")
    bob.message("before").wait_for()
    chat_site.kill()
    alice.write("written while the server is away")
    expect(alice.page.locator("#outbox .fate")).to_contain_text("Will be sent when the connection is back")
    alice.await_state("waiting")
    chat_site.manage("chat_send", "newbox", "said by a command meanwhile")
    chat_site.start()
    for person in (alice, bob):
        person.await_state("live")
        person.message("written while the server is away").wait_for()
        person.message("said by a command meanwhile").wait_for()
    bob.write("after")
    alice.message("after").wait_for()
    assert alice.texts == bob.texts
    assert sorted(alice.texts) == sorted(
        ["before", "said by a command meanwhile", "written while the server is away", "after"]
    )
    assert alice.page.locator("#outbox > *").count() == 0


def test_a_message_whose_answer_was_lost_is_stored_once(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    routes: list[WebSocketRoute] = []
    stored: list[str | bytes] = []

    def lose_answers(route: WebSocketRoute) -> None:
        routes.append(route)
        server = route.connect_to_server()
        if len(routes) == 1:
            server.on_message(lambda text: stored.append(text) if '"seq":1' in str(text) else route.send(text))

    alice.page.route_web_socket("**/ws/**", lose_answers)
    alice.enter(room)
    alice.write("only once")

    def was_stored() -> bool:
        alice.page.wait_for_timeout(10)
        return bool(stored)

    wait_until(was_stored, "the message in the log")
    assert alice.texts == []
    routes[0].close(code=1012)
    alice.message("only once").wait_for()
    expect(alice.page.locator("#outbox > *")).to_have_count(0)
    done = shared_site.manage("chat_tail", room, "--no-follow")
    assert done.stdout.count("only once") == 1


@pytest.mark.parametrize("code", [1012, 4008, 4400])
def test_a_page_comes_back_from_where_it_was(shared_site: ChatSite, people: People, room: str, code: int) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    cut = Cut(alice)
    alice.enter(room)
    alice.write("before")
    alice.message("before").wait_for()
    cut.now(code)
    shared_site.manage("chat_send", room, "meanwhile")
    cut.came_back(after=1)
    alice.message("meanwhile").wait_for()
    assert alice.texts == ["before", "meanwhile"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4401, "You are signed out. Sign in again"),
        (4403, "You may not be in this room any more. All rooms"),
        (4404, "This room is not there any more, or not open to you. All rooms"),
    ],
)
def test_a_page_that_is_sent_away_says_why_and_stays_away(
    shared_site: ChatSite, people: People, room: str, code: int, words: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    cut = Cut(alice)
    alice.enter(room)
    alice.write("before")
    alice.message("before").wait_for()
    alice.context.clear_cookies()  # or the page, which asks once more after a 4401, would be let in again
    cut.now(code)
    alice.await_state("stopped")
    expect(alice.page.locator("#stopped")).to_have_text(words)
    assert alice.page.locator("#composer").is_hidden()
    assert alice.page.locator("#read-only").is_hidden()
    sockets = len(cut.routes)
    assert (sockets > 1) is (code == 4401)
    alice.page.evaluate("() => dispatchEvent(new Event('online'))")
    alice.page.wait_for_timeout(100)
    assert len(cut.routes) == sockets
    assert alice.texts == ["before"]


def test_a_page_whose_session_was_renewed_as_the_old_one_ended_comes_back(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    cut = Cut(alice)
    alice.enter(room)
    cut.now(4401)
    alice.write("and goes on")
    cut.came_back(after=1)
    alice.message("and goes on").wait_for()
    assert alice.page.locator("#stopped").is_hidden()


def test_who_signed_out_in_another_window_is_led_back_through_signing_in(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice-who-leaves")
    alice.enter(room)
    other = alice.context.new_page()
    other.goto(shared_site.url)
    other.get_by_role("button", name="Sign out").click()
    other.get_by_text("You are signed out").wait_for()
    alice.await_state("stopped")
    alice.page.get_by_role("link", name="Sign in again").click()
    alice.page.get_by_label("Username").fill("alice-who-leaves")
    alice.page.get_by_label("Password").fill(shared_site.password)
    alice.page.keyboard.press("Enter")
    alice.await_state("live")
    assert alice.page.url == f"{shared_site.url}chat/{room}/"


def test_going_offline_is_said_and_being_back_online_connects_at_once(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.context.set_offline(True)
    alice.await_state("offline")
    alice.write("from the tunnel")
    shared_site.manage("chat_send", room, "from the world")
    alice.context.set_offline(False)
    alice.await_state("live")
    alice.message("from the world").wait_for()
    alice.message("from the tunnel").wait_for()
    assert sorted(alice.texts) == ["from the tunnel", "from the world"]


def test_an_interruption_is_said_also_when_one_attempt_follows_the_other(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.add_init_script("Math.random = () => 0.01")  # of the longest wait that there may be
    alice.page.route_web_socket("**/ws/**", lambda route: route.close(code=1012))
    alice.page.goto(f"{shared_site.url}chat/{room}/")
    alice.await_state("waiting")


def test_a_restored_room_is_shown_anew(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 5)
    [alice] = people.signed_in(shared_site, "alice")
    cut = Cut(alice)
    alice.enter(room)
    alice.message("line 5").wait_for()
    code = f"from chatcore.models import Message; Message.objects.filter(room__name={room!r}).update(text='restored')"
    shared_site.manage(
        "shell", "-v0", "-c", f"{code}\nfrom chatcore.models import Room; Room.objects.update(epoch='x')"
    )
    alice.page.locator(".gap", has_text="restored from a copy").wait_for()
    wait_until(lambda: alice.texts == ["restored"] * 5, "the log as it is now")
    assert len(cut.routes) > 1


def test_a_line_that_fell_silent_is_noticed_and_replaced(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.clock.install()
    cut = Cut(alice)
    alice.enter(room)
    cut.falls_silent()
    shared_site.manage("chat_send", room, "unheard")
    alice.page.clock.run_for(45_000)  # 25 s without a word, then 10 s without an answer
    cut.came_back(after=1)
    alice.message("unheard").wait_for()


def test_a_line_that_fell_silent_is_noticed_in_a_tab_that_nobody_looks_at(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.clock.install()
    cut = Cut(alice)
    alice.enter(room)
    alice.page.evaluate(HIDE)
    cut.falls_silent()
    alice.page.clock.run_for(45_000)
    cut.came_back(after=1)


def test_a_page_that_wakes_asks_whether_the_line_lives(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    cut = Cut(alice)
    alice.enter(room)
    wake = "() => document.dispatchEvent(new Event('visibilitychange'))"

    def answered() -> bool:
        alice.page.wait_for_timeout(10)
        return any('"pong"' in text for text in cut.heard)

    alice.page.evaluate(wake)
    wait_until(answered, "the answer")
    alice.page.wait_for_timeout(10)
    assert len(cut.routes) == 1
    cut.falls_silent()
    alice.page.evaluate(wake)
    cut.came_back(after=1)


def test_who_has_signed_in_as_somebody_else_sends_nothing_in_that_name(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.context.set_offline(True)
    alice.await_state("offline")
    alice.write("from alice")
    [bob] = shared_site.sign_in("bob")
    name, _, value = bob.partition("=")
    alice.context.add_cookies([{"name": name, "value": value, "url": shared_site.url}])
    alice.context.set_offline(False)
    expect(alice.page.locator("#outbox > *")).to_have_count(0)  # the page is bob's
    alice.await_state("live")
    alice.write("from bob")
    alice.message("from bob").wait_for()
    assert alice.texts == ["from bob"]
