"""What a reader sees of a room's log: where he begins, what is new, how he gets elsewhere, and that nothing jumps."""

import json

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import People, Person
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.browser

POST = """
from chatcore.services import Post, post_messages
for first in range({first}, {last} + 1, 5000):
    numbers = range(first, min(first + 5000, {last} + 1))
    post_messages([Post({room!r}, f"line {{number}}") for number in numbers])
"""
#: Whether the row's top stands where it stood, in pixels.
TOP = "row => row.getBoundingClientRect().top"
SCROLL_TO = "(log, top) => { log.scrollTop = top; }"
#: The page as it is while another tab is in front.
HIDE = """hidden => {
    const get = () => (hidden ? "hidden" : "visible");
    Object.defineProperty(document, "visibilityState", { configurable: true, get });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
COUNT_HISTORY = """() => {
    window.asked = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
        if (frame.includes('"history"')) window.asked.push(frame);
        send.call(this, frame);
    };
}"""


def post_lines(site: ChatSite, room: str, first: int, last: int) -> None:
    """Messages `line FIRST` to `line LAST`, by a process of its own."""
    done = site.manage("shell", "-v0", "-c", POST.format(room=room, first=first, last=last), timeout=5 * DEADLINE_S)
    assert done.returncode == 0, done.stderr


def lines(first: int, last: int) -> list[str]:
    return [f"line {number}" for number in range(first, last + 1)]


def scroll_to_top_until(person: Person, text: str) -> None:
    """Scroll up, again and again, until there is a message with this text."""

    def there() -> bool:
        person.page.locator("#log").evaluate(SCROLL_TO, 0)
        person.page.wait_for_timeout(10)  # Playwright's events have their turn
        return person.message(text).count() > 0

    wait_until(there, text)


def scroll_to_bottom_until(person: Person, text: str) -> None:
    def there() -> bool:
        person.page.locator("#log").evaluate(SCROLL_TO, 1e9)
        person.page.wait_for_timeout(10)
        return person.message(text).count() > 0

    wait_until(there, text)


def numbers(person: Person) -> list[int]:
    """The numbers of the messages in the page, from top to bottom."""
    found: list[int] = person.page.locator("#rows > [data-seq]").evaluate_all("rows => rows.map(r => +r.dataset.seq)")
    return found


def open_at(person: Person, room: str, number: int) -> None:
    """Open the room by a link to one of its messages."""
    person.page.goto(f"{person.site.url}chat/{room}/#{number}")
    person.await_state("live")


def await_read_mark(site: ChatSite, room: str, last: int) -> None:
    """Wait until it is stored that all readers of the room have seen message `last`."""
    code = f"from chatcore.models import ReadMark; print([m.seq for m in ReadMark.objects.filter(room__name={room!r})])"
    wait_until(lambda: set(json.loads(site.manage("shell", "-v0", "-c", code).stdout)) == {last}, "the read mark")


def read_to_the_end(site: ChatSite, person: Person, room: str, last: int) -> None:
    """Be in the room until the server knows that message `last` was seen, then leave."""
    person.enter(room)
    person.message(f"line {last}").wait_for()
    await_read_mark(site, room, last)
    person.page.goto("about:blank")


def test_a_reader_who_comes_back_begins_at_the_first_message_he_has_not_read(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 20)
    [alice] = people.signed_in(shared_site, "alice")
    read_to_the_end(shared_site, alice, room, 20)
    post_lines(shared_site, room, 21, 60)
    alice.enter(room)
    expect(alice.message("line 21").locator(".unread-line")).to_have_text("New messages")
    expect(alice.message("line 21")).to_be_in_viewport()
    expect(alice.page.locator("#heard")).to_have_text("40 new messages")
    assert alice.page.locator(".unread-line").count() == 1
    alice.page.locator("#to-end").click()
    expect(alice.message("line 60")).to_be_in_viewport()
    assert alice.page.locator(".unread-line").count() == 1  # it stays while he is here


@pytest.mark.slow
def test_what_came_while_the_tab_was_away_is_counted_and_divided_from_what_was_seen(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 3)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 3").wait_for()
    alice.page.evaluate(HIDE, True)
    title = alice.page.title()
    post_lines(shared_site, room, 4, 5)
    alice.message("line 5").wait_for()
    assert alice.page.title() == f"(2) {title}"
    expect(alice.message("line 4").locator(".unread-line")).to_be_visible()
    assert alice.page.locator("#heard").text_content() == ""
    alice.page.evaluate(HIDE, False)
    expect(alice.page.locator("#heard")).to_have_text("2 new messages")
    wait_until(lambda: alice.page.title() == title, "the title without a number")
    expect(alice.message("line 4").locator(".unread-line")).to_be_visible()
    alice.page.evaluate(HIDE, True)
    assert alice.page.locator(".unread-line").count() == 0  # seen to the end: a new visit begins


@pytest.mark.slow
def test_what_comes_while_one_reads_further_up_moves_nothing_and_is_counted(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 40)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 40").wait_for()
    title = alice.page.title()
    reading = alice.message("line 5")
    reading.evaluate("row => row.scrollIntoView()")
    button = alice.page.locator("#to-end")
    expect(button).to_have_text("Newest messages ↓")
    before = reading.evaluate(TOP)
    post_lines(shared_site, room, 41, 43)
    expect(button).to_have_text("3 new messages ↓")
    assert alice.page.title() == f"(3) {title}"
    assert abs(reading.evaluate(TOP) - before) <= 1  # the place of a scroll is a whole pixel
    button.press("Enter")
    expect(alice.message("line 43")).to_be_in_viewport()
    expect(button).to_be_hidden()
    expect(alice.page.locator("#log")).to_be_focused()  # not lost with the button
    wait_until(lambda: alice.page.title() == title, "the title without a number")


@pytest.mark.slow
def test_who_goes_up_and_at_once_to_another_tab_finds_his_place_again(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 60)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 60").wait_for()
    reading = alice.message("line 15")
    reading.evaluate(f"row => {{ row.scrollIntoView(); ({HIDE})(true); }}")  # before there is a scroll event
    before = reading.evaluate(TOP)
    post_lines(shared_site, room, 61, 62)
    alice.message("line 62").wait_for(state="attached")
    assert abs(reading.evaluate(TOP) - before) <= 1  # the place of a scroll is a whole pixel
    expect(reading).to_be_in_viewport()


@pytest.mark.slow
def test_who_leaves_right_after_the_last_message_has_read_it(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 1)
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.clock.install()
    alice.enter(room)
    alice.message("line 1").wait_for()
    await_read_mark(shared_site, room, 1)
    alice.stop_the_clock()
    post_lines(shared_site, room, 2, 2)
    wait_until(lambda: alice.received("line 2"), "the message in the page")
    alice.page.clock.run_for(100)  # a few frames; only once a second the page tells how far it is read
    alice.message("line 2").wait_for()
    alice.page.goto("about:blank")
    await_read_mark(shared_site, room, 2)


@pytest.mark.slow
def test_many_at_once_are_read_out_as_a_number(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.clock.install()
    alice.enter(room)
    alice.stop_the_clock()  # else the half second within which they are one may end among them
    post_lines(shared_site, room, 1, 300)
    wait_until(lambda: alice.received("line ") == 300, "all in the page")
    alice.page.clock.resume()
    expect(alice.page.locator("#heard")).to_have_text("300 new messages")
    wait_until(lambda: alice.texts == lines(1, 300), "all in the log")
    alice.context.set_offline(True)
    alice.await_state("offline")
    post_lines(shared_site, room, 301, 312)
    alice.context.set_offline(False)
    expect(alice.page.locator("#heard")).to_have_text("12 new messages")


@pytest.mark.slow
def test_the_way_to_the_first_unread_message_when_it_is_far_up(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 5)
    [alice] = people.signed_in(shared_site, "alice")
    read_to_the_end(shared_site, alice, room, 5)
    post_lines(shared_site, room, 6, 400)
    alice.enter(room)
    expect(alice.message("line 400")).to_be_in_viewport()
    expect(alice.page.locator("#heard")).to_have_text("395 new messages")
    way = alice.page.get_by_role("button", name="Jump to first unread")
    way.click()
    expect(alice.message("line 6").locator(".unread-line")).to_be_in_viewport()
    expect(way).to_be_hidden()
    scroll_to_bottom_until(alice, "line 400")
    assert alice.texts == lines(int(alice.texts[0].split()[1]), 400)
    expect(way).to_be_hidden()


@pytest.mark.slow
def test_a_link_to_a_message_shows_it_among_its_neighbours(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 300)
    [alice] = people.signed_in(shared_site, "alice")
    open_at(alice, room, 42)
    asked_for = alice.page.locator(".row.asked-for")
    expect(asked_for.locator(".text")).to_have_text("line 42")
    expect(asked_for).to_be_in_viewport()
    expect(asked_for.locator("article")).to_be_focused()
    assert {"line 41", "line 43"} <= set(alice.texts)
    alice.page.evaluate("() => { location.hash = '#7'; }")
    expect(asked_for.locator(".text")).to_have_text("line 7")
    expect(asked_for.locator("article")).to_be_focused()
    alice.page.go_back()
    expect(asked_for.locator(".text")).to_have_text("line 42")
    expect(asked_for).to_be_in_viewport()
    shown = numbers(alice)
    alice.page.evaluate("() => { location.hash = '#301'; }")
    expect(alice.page.locator("#astray")).to_have_text("There is no message #301 here, or it is not kept any more.")
    assert set(shown) <= set(numbers(alice))  # more of the neighbours may have been on their way
    expect(asked_for).to_be_in_viewport()
    alice.page.locator("#to-end").click()
    expect(alice.message("line 300")).to_be_in_viewport()
    alice.write("and on from here")
    alice.message("and on from here").wait_for()


@pytest.mark.slow
def test_a_link_to_a_deleted_message_says_so(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 3)
    shared_site.manage("chat_send", room, "--delete", "2")
    [alice] = people.signed_in(shared_site, "alice")
    open_at(alice, room, 2)
    expect(alice.page.locator("#astray")).to_have_text("Message #2 was deleted.")
    expect(alice.page.locator(".row.asked-for")).to_have_attribute("data-seq", "2")


@pytest.mark.slow
def test_the_arrow_keys_go_from_message_to_message(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 200)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 200").wait_for()
    keys = alice.page.keyboard
    keys.press("Shift+Tab")  # from the field
    expect(alice.message("line 200").locator("article")).to_be_focused()
    for number in range(199, 99, -1):  # beyond what was there at first: older ones come as one goes
        alice.message(f"line {number}").wait_for(state="attached")
        keys.press("ArrowUp")
    expect(alice.message("line 100").locator("article")).to_be_focused()
    expect(alice.message("line 100")).to_be_in_viewport()
    shared_site.manage("chat_send", room, "--edit", "100", "line 100, changed")
    expect(alice.message("line 100, changed").locator("article")).to_be_focused()
    keys.press("ArrowDown")
    expect(alice.message("line 101").locator("article")).to_be_focused()
    assert alice.page.locator("#rows article[tabindex='0']").count() == 1
    keys.press("End")
    expect(alice.message("line 200").locator("article")).to_be_focused()
    expect(alice.message("line 200")).to_be_in_viewport()


@pytest.mark.slow
def test_a_page_of_a_hundred_thousand_messages_opens_at_once_and_is_read_back_without_a_jump(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 100_000)
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.add_init_script(f"({COUNT_HISTORY})()")
    alice.enter(room)
    alice.message("line 100000").wait_for()
    assert len(alice.page.evaluate("() => window.asked")) <= 1
    while numbers(alice)[0] > 98_000:
        first = numbers(alice)[0]
        log = alice.page.locator("#log")
        log.evaluate(SCROLL_TO, 0)
        row = alice.message(f"line {first}")
        before = row.evaluate(TOP)
        wait_until(lambda first=first: numbers(alice)[0] < first, "older messages")  # type: ignore[misc]
        assert abs(row.evaluate(TOP) - before) <= 1
        assert alice.page.locator("#rows > *").count() <= 1000
    shown = numbers(alice)
    assert shown == list(range(shown[0], shown[0] + 1000))
    post_lines(shared_site, room, 100_001, 100_002)
    expect(alice.page.locator("#to-end")).to_have_text("2 new messages ↓")
    assert numbers(alice) == shown  # what is live does not go on from here
    scroll_to_bottom_until(alice, "line 99500")
    shown = numbers(alice)
    assert shown == list(range(shown[0], shown[-1] + 1))
    assert len(shown) <= 1000
    alice.page.locator("#to-end").click()
    expect(alice.message("line 100002")).to_be_in_viewport()
    post_lines(shared_site, room, 100_003, 100_003)
    expect(alice.message("line 100003")).to_be_in_viewport()


@pytest.mark.slow
def test_an_endless_room_does_not_fill_the_page_and_nothing_is_lost_by_it(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    post_lines(shared_site, room, 1, 1400)
    alice.message("line 1400").wait_for()
    wait_until(lambda: alice.texts == lines(401, 1400), "the newest thousand")
    expect(alice.message("line 1400")).to_be_in_viewport()
    scroll_to_top_until(alice, "line 1")
    assert alice.texts == lines(1, 1000)
    scroll_to_bottom_until(alice, "line 1400")
    assert alice.texts == lines(401, 1400)


@pytest.mark.slow
def test_what_is_focused_or_selected_is_not_taken_away(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 1500)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 1480").locator("article").focus()
    select = "row => getSelection().selectAllChildren(row)"
    alice.message("line 1470").evaluate(select)
    scroll_to_top_until(alice, "line 1")
    assert numbers(alice) == list(range(1, 1481))
    alice.page.locator("#write").focus()
    alice.page.evaluate("() => getSelection().empty()")
    scroll_to_bottom_until(alice, "line 1500")
    assert len(numbers(alice)) == 1000


@pytest.mark.slow
def test_edits_and_deletions_above_do_not_move_what_is_read(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 60)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    reading = alice.message("line 45")
    reading.evaluate("row => row.scrollIntoView()")
    before = reading.evaluate(TOP)
    shared_site.manage("chat_send", room, "--edit", "30", "\n".join(["many lines"] * 30))
    alice.page.get_by_text("many lines").wait_for(state="attached")
    assert abs(reading.evaluate(TOP) - before) <= 1
    shared_site.manage("chat_send", room, "--delete", "31")
    alice.message("This message was deleted").wait_for(state="attached")
    assert abs(reading.evaluate(TOP) - before) <= 1
    alice.page.set_viewport_size({"width": 500, "height": 700})  # everything is broken into lines anew
    wait_until(lambda: abs(reading.evaluate(TOP) - before) <= 60, "the same message at the top")


@pytest.mark.slow
def test_who_missed_much_while_reading_further_up_goes_on_reading_there(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 200)
    [alice] = people.signed_in(shared_site, "alice")
    open_at(alice, room, 60)
    reading = alice.message("line 60")
    expect(reading).to_be_in_viewport()
    before = reading.evaluate(TOP)
    alice.context.set_offline(True)
    alice.await_state("offline")
    shared_site.manage("chat_send", room, "--edit", "61", "changed meanwhile")
    post_lines(shared_site, room, 201, 1500)
    alice.context.set_offline(False)
    alice.message("changed meanwhile").wait_for(state="attached")
    assert abs(reading.evaluate(TOP) - before) <= 1
    expect(alice.page.locator("#to-end")).to_have_text("1,300 new messages ↓")
    expect(reading.locator("article")).to_be_focused()
    scroll_to_bottom_until(alice, "line 1500")
    shown = numbers(alice)
    assert shown == list(range(shown[0], 1501))


@pytest.mark.slow
def test_who_missed_more_than_is_caught_up_sees_a_line_and_reads_back(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    post_lines(shared_site, room, 1, 3)
    alice.message("line 3").wait_for()
    alice.context.set_offline(True)
    alice.await_state("offline")
    post_lines(shared_site, room, 4, 1200)
    alice.context.set_offline(False)
    alice.message("line 1200").wait_for()
    expect(alice.page.locator(".gap")).to_contain_text("Scroll up to read it")
    expect(alice.page.locator("#heard")).to_have_text("1,197 new messages")
    scroll_to_top_until(alice, "line 1")
    assert alice.texts == lines(1, 1000)
    assert alice.page.locator(".gap").count() == 0


PRUNE = """
from chatcore.models import Message, Room
room = Room.objects.get(name={room!r})
old = Message.objects.filter(room=room, seq__lte={upto})
floor = old.latest("seq").rev
old.delete()
Room.objects.filter(pk=room.pk).update(floor=floor)
"""


def prune(site: ChatSite, room: str, upto: int) -> None:
    done = site.manage("shell", "-v0", "-c", PRUNE.format(room=room, upto=upto))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_who_reads_what_is_pruned_goes_on_with_what_is_kept(shared_site: ChatSite, people: People, room: str) -> None:
    post_lines(shared_site, room, 1, 400)
    [alice] = people.signed_in(shared_site, "alice")
    alice.page.add_init_script(f"({COUNT_HISTORY})()")
    open_at(alice, room, 42)
    alice.message("line 42").wait_for()
    prune(shared_site, room, 200)
    scroll_to_bottom_until(alice, "line 201")
    assert numbers(alice)[0] == 201
    expect(alice.page.locator("#older")).to_contain_text("not kept")
    alice.page.evaluate("() => { location.hash = '#43'; }")
    expect(alice.page.locator("#astray")).to_contain_text("#43")
    prune(shared_site, room, 400)
    alice.page.evaluate("() => { window.asked.length = 0; }")
    log = alice.page.locator("#log")

    def nothing_left() -> bool:
        log.evaluate(SCROLL_TO, 1e9)
        alice.page.wait_for_timeout(10)
        return numbers(alice) == []

    wait_until(nothing_left, "an empty page")
    assert len(alice.page.evaluate("() => window.asked")) <= 2  # nobody is asked again and again for what is gone
    post_lines(shared_site, room, 401, 402)
    alice.message("line 402").wait_for()
    assert numbers(alice) == [401, 402]


@pytest.mark.slow
def test_a_link_to_an_old_message_marks_nothing_as_read_that_was_not_shown(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 300)
    [alice] = people.signed_in(shared_site, "alice")
    open_at(alice, room, 42)
    code = (
        f"from chatcore.models import ReadMark; print(*[m.seq for m in ReadMark.objects.filter(room__name={room!r})])"
    )
    mark = wait_until(lambda: shared_site.manage("shell", "-v0", "-c", code).stdout.strip(), "the read mark")
    assert 42 <= int(mark) <= 67


@pytest.mark.slow
def test_a_quote_does_not_outlive_the_deletion_of_a_message_that_is_not_in_the_page(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 30)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 2").wait_for(state="attached")
    code = (
        f"from chatcore.services import Post, post_messages; post_messages([Post({room!r}, 'an answer', reply_to=2)])"
    )
    assert shared_site.manage("shell", "-v0", "-c", code).returncode == 0
    quote = alice.message("an answer").locator(".quote")
    expect(quote).to_contain_text("line 2")
    post_lines(shared_site, room, 32, 1020)
    wait_until(lambda: numbers(alice)[0] > 2, "a page without the message")
    shared_site.manage("chat_send", room, "--delete", "2")
    expect(quote).to_contain_text("This message was deleted")


@pytest.mark.slow
def test_a_message_that_was_clicked_on_does_not_keep_all_that_follows_in_the_page(
    shared_site: ChatSite, people: People, room: str
) -> None:
    post_lines(shared_site, room, 1, 20)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("line 15").locator(".text").click()
    for first in range(21, 3021, 500):
        post_lines(shared_site, room, first, first + 499)
        alice.message(f"line {first + 499}").wait_for()
    assert len(numbers(alice)) <= 3000
    expect(alice.message("line 3020")).to_be_in_viewport()
    expect(alice.page.locator("#log")).to_be_focused()
