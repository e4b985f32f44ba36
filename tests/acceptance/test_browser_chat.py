"""People chat in real browsers: with each other, and with what the commands say."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from websockets.sync.client import connect

from tests.acceptance.browsing import PHONE, People
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    '"><svg onload=window.ran=1>',
    "javascript:window.ran=1",
    "{{7*7}} %s {0} $(x) `${window.ran = 1}`",
    "&lt;b&gt; &amp; &#x3c;",
    "\u202egnol\u202c and a\u0301\u0301\u0301\u0301\u0301",
]


@pytest.fixture(scope="module")
def shared_site() -> Iterator[ChatSite]:
    """At a rate that is exceeded on a slow machine, too."""
    with ChatSite(env={"CHAT_RATE": "1/s burst 50"}) as site:
        yield site


def test_two_people_chat(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bob.enter(room)
    alice.write("Hello Bob")
    expect(bob.message("Hello Bob").locator(".name")).to_have_text("alice")
    expect(bob.page.locator("#heard")).to_have_text("alice: Hello Bob")  # read out to who cannot see it
    bob.write("Hello Alice")
    expect(alice.message("Hello Alice").locator(".name")).to_have_text("bob")
    for person in (alice, bob):
        wait_until(lambda person=person: person.texts == ["Hello Bob", "Hello Alice"], "both messages, once")  # type: ignore[misc]
        assert person.page.locator("#outbox > *").count() == 0


@pytest.mark.slow
def test_who_comes_later_reads_what_was_said(shared_site: ChatSite, people: People, room: str) -> None:
    shared_site.manage("chat_send", room, "the first")
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.message("the first").wait_for()
    assert alice.page.locator("#blank").is_hidden()
    assert alice.page.locator("#heard").text_content() == ""  # history is not read out


@pytest.mark.slow
def test_a_word_of_the_house_stands_apart_and_nobody_can_imitate_it(
    shared_site: ChatSite, people: People, room: str
) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "bob")
    alice.enter(room)
    bob.enter(room)
    done = shared_site.manage("chat_send", room, "Restart at 18:00")
    assert done.returncode == 0, done.stderr
    shared_site.manage("chat_send", room, "--kind", "notice", "Backup done")
    for person in (alice, bob):
        announcement = person.message("Restart at 18:00")
        expect(announcement.locator(".label strong")).to_have_text("Announcement")
        expect(announcement.locator(".name")).to_have_text("system")
        expect(person.message("Backup done").locator(".label strong")).to_have_text("Notice")
    alice.write("Announcement system 18:00\nRestart at 18:00")
    imitation = bob.page.locator(".row", has=bob.page.get_by_text("Announcement system 18:00"))
    expect(imitation.locator(".bubble")).to_be_visible()
    assert imitation.locator(".word, .label, svg").count() == 0


@pytest.mark.slow
def test_an_own_message_is_shown_at_once_and_settled_when_it_is_stored(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    held: list[str | bytes] = []
    page: list[WebSocketRoute] = []

    def is_answer(message: str | bytes) -> bool:
        return b"Am I heard?" in _bytes(message) or b'"type":"sent"' in _bytes(message)

    def hold(route: WebSocketRoute) -> None:
        page.append(route)
        server = route.connect_to_server()
        server.on_message(lambda message: (held.append if is_answer(message) else route.send)(message))

    shared_site.manage("chat_send", room, "Silence, please")
    alice.page.route_web_socket("**/ws/**", hold)
    alice.enter(room)
    alice.message("Silence, please").wait_for()
    alice.write("Am I heard?")
    waiting = alice.page.locator("#outbox .waiting")
    expect(waiting.locator(".text")).to_have_text("Am I heard?")
    expect(waiting.locator(".fate")).to_contain_text("Sending")
    assert alice.texts == ["Silence, please"]
    wait_until(lambda: len(_pumped(alice.page, held)) == 2, "the message and `sent`")
    place = waiting.locator(".bubble").bounding_box()
    for message in held:
        page[0].send(message)
    alice.message("Am I heard?").wait_for()
    expect(waiting).to_have_count(0)
    assert alice.message("Am I heard?").locator(".bubble").bounding_box() == place
    assert alice.texts == ["Silence, please", "Am I heard?"]


def _bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _pumped(page: object, held: list[str | bytes]) -> list[str | bytes]:
    """What is held, after Playwright's own events had their turn."""
    page.wait_for_timeout(1)  # type: ignore[attr-defined]
    return held


@pytest.mark.slow
def test_edits_and_deletions_of_others_are_followed(shared_site: ChatSite, people: People, room: str) -> None:
    [alice], bob = people.signed_in(shared_site, "alice"), shared_site.sign_in("bob")[0]
    alice.enter(room)
    with connect(f"{shared_site.ws_url(room)}?v=1", additional_headers={"Cookie": bob}) as socket:
        for frame in (
            {"type": "hello"},
            {"type": "send", "message": "first draft", "client_id": "a"},
            {"type": "send", "message": "a slip", "client_id": "b"},
        ):
            socket.send(json.dumps(frame))
        alice.message("a slip").wait_for()
        socket.send(json.dumps({"type": "edit", "seq": 1, "message": "second draft"}))
        socket.send(json.dumps({"type": "delete", "seq": 2}))
        expect(alice.message("second draft").locator(".mark")).to_have_text("edited")
        alice.message("This message was deleted").wait_for()
    assert alice.texts == ["second draft", "This message was deleted"]
    alice.enter(room)
    wait_until(lambda: alice.texts == ["second draft", "This message was deleted"], "the same after a reload")


def test_hostile_texts_are_shown_as_they_are_and_do_not_run(shared_site: ChatSite, people: People, room: str) -> None:
    alice, bob = people.signed_in(shared_site, "alice", "<svg")
    alice.enter(room)
    bob.enter(room)
    for text in HOSTILE:
        alice.write(text)
    shared_site.manage("chat_send", room, "--name", "<b onclick=alert(1)>", "--", "<script>window.ran = 1</script>")
    for person in (alice, bob):
        wait_until(lambda person=person: person.texts == [*HOSTILE, HOSTILE[0]], "all texts, unchanged")  # type: ignore[misc]
        assert person.page.evaluate("() => window.ran") is None
        assert person.page.locator("#rows script, #rows img, #rows b").count() == 0


@pytest.mark.slow
def test_enter_sends_shift_enter_breaks_and_an_input_method_is_left_alone(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    field = alice.page.locator("#write")
    field.press_sequentially("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(field).to_have_value("one\ntwo")
    field.press("Enter")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    alice.message("one two").wait_for()
    assert alice.texts == ["one\ntwo"]


@pytest.mark.slow
def test_what_cannot_be_sent_is_said_next_to_where_it_was_written(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    trouble = alice.page.locator("#trouble")
    alice.write("  \n ")
    expect(trouble).to_have_text("Write something first.")
    alice.write("😀" * 4001)
    expect(trouble).to_contain_text("too long")
    expect(alice.page.locator("#counter")).to_have_text("1 character too many")
    alice.write("😀" * 4000)
    alice.message("😀" * 4000).wait_for()
    expect(trouble).to_be_hidden()


def submit(page: Page, *texts: str) -> None:
    """Faster than anybody writes."""
    page.evaluate(
        """(texts) => { for (const text of texts) {
            document.getElementById("write").value = text;
            document.getElementById("composer").requestSubmit();
        } }""",
        texts,
    )


@pytest.mark.slow
def test_what_was_written_too_fast_goes_out_by_itself_in_its_order(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    texts = [f"quick {number}" for number in range(53)]
    submit(alice.page, *texts)
    held = alice.page.locator("#outbox .waiting").filter(has_text="this is sent in a moment")
    held.first.wait_for()
    submit(alice.page, "and one behind them")
    alice.message("and one behind them").wait_for(timeout=1000 * DEADLINE_S)
    expect(alice.page.locator("#outbox .row")).to_have_count(0)
    assert [text for text in alice.texts if text in texts] == texts


@pytest.mark.slow
def test_the_server_s_refusal_leaves_the_message_to_be_tried_again(
    shared_site: ChatSite, people: People, room: str
) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    submit(alice.page, "a \0 that nobody types", "another \0")
    failed = alice.page.locator("#outbox .failed")
    expect(failed).to_have_count(2)
    expect(alice.page.locator("#trouble")).to_contain_text("cannot be stored")
    failed.first.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(2)
    failed.first.get_by_role("button", name="Discard").click()
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("another")
    assert alice.texts == []


@pytest.mark.slow
def test_who_may_only_read_has_no_field_to_write_in(shared_site: ChatSite, people: People, room: str) -> None:
    shared_site.manage("create_room", room, "--update", "--announce-only")
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    assert alice.page.locator("#composer").is_hidden()
    expect(alice.page.locator("#read-only")).to_contain_text("only its owners and moderators write here")


@pytest.mark.slow
def test_nothing_is_wider_than_a_phone(shared_site: ChatSite, people: People, room: str) -> None:
    wide = "w" * 400
    shared_site.manage("create_room", room, "--update", "--title", wide[:200], "--topic", wide)
    [alice] = people.signed_in(shared_site, "a" * 150, viewport=PHONE, has_touch=True, is_mobile=True)
    alice.enter(room)
    alice.page.locator("#write").fill(wide)
    alice.page.get_by_role("button", name="Send").tap()  # a phone's Enter breaks the line
    alice.message(wide).wait_for()
    shared_site.manage("chat_send", room, "--name", "n" * 150, wide)
    shared_site.manage("chat_send", room, wide)
    alice.page.locator("#rows .word .text").last.wait_for()
    for path in (f"chat/{room}/", "", "rooms/new/", "chat/nowhere/", f"chat/{'x' * 64}/", "chat/a b/"):
        alice.page.goto(shared_site.url + path)
        assert alice.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.slow
def test_everything_from_signing_up_to_sending_is_done_with_the_keyboard(
    shared_site: ChatSite, people: People, room: str
) -> None:
    person = people.visitor(shared_site)
    page, keys = person.page, person.page.keyboard
    page.goto(f"{shared_site.url}chat/{room}/")
    page.wait_for_url(re.compile(r"/accounts/login/\?next="))
    for _ in range(20):
        keys.press("Tab")
        if page.evaluate("() => document.activeElement.textContent") == "Make an account":
            break
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/accounts/signup/\?next="))
    keys.type("keyboardist")
    for _ in range(2):
        keys.press("Tab")
        keys.type("a long enough password")
    keys.press("Enter")
    page.wait_for_url(f"**/chat/{room}/")
    person.await_state("live")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    keys.type("sent without a mouse")
    keys.press("Enter")
    person.message("sent without a mouse").wait_for()


@pytest.mark.slow
def test_who_has_the_chat_open_too_often_is_told_so_and_let_in_when_there_is_room(people: People) -> None:
    with ChatSite(env={"CHAT_SOCKETS_PER_PERSON": "1"}) as site:
        site.manage("create_room", "newbox")
        [cookie] = site.sign_in("alice")
        with connect(site.ws_url("newbox"), additional_headers={"Cookie": cookie}):
            [alice] = people.signed_in(site, "alice")
            alice.page.goto(f"{site.url}chat/newbox/")
            expect(alice.page.locator("#state")).to_contain_text("close other windows")
            alice.page.locator("#write").fill("I am in")
            alice.page.keyboard.press("Enter")
            expect(alice.page.locator("#outbox .waiting")).to_have_count(1)
        alice.page.get_by_role("button", name="Try now").click()
        alice.message("I am in").wait_for()


@pytest.mark.slow
def test_who_scrolls_back_faster_than_may_be_gets_there_all_the_same(people: People) -> None:
    with ChatSite(env={"CHAT_HISTORY_RATE": "2/s burst 1"}) as site:
        site.manage("create_room", "newbox")
        site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(f"line {n}" for n in range(300)))
        [alice] = people.signed_in(site, "alice")
        alice.enter("newbox")
        alice.message("line 299").wait_for()
        for _ in range(2):
            alice.page.locator("#log").press("Home")
        beginning = alice.page.get_by_text("This is where the room begins")

        def scrolled_up() -> bool:
            alice.page.locator("#log").evaluate("(log) => log.scrollTo(0, 0)")
            return beginning.is_visible()

        wait_until(scrolled_up, "the room's beginning")
        assert alice.message("line 0").count() == 1
