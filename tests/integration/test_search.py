"""Search in a room: what is found, in which order, how far back, and what a reader may search."""

import re
from datetime import timedelta
from itertools import count
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.exceptions import BadRequest
from chatcore.history import RoomView
from chatcore.history import search as module
from chatcore.history.search import search
from chatcore.services import Post

pytestmark = pytest.mark.django_db


def say(*texts: str) -> None:
    services.post_messages([Post("newbox", text) for text in texts])


def found(room: RoomView, query: str, before: int | None = None) -> list[int]:
    return [hit.message.seq for hit in search(room.id, query, before).hits]


#: Each test has people of its own: how often somebody searched is remembered by the process.
_numbers = count(5000)


def browser(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name, pk=next(_numbers)))
    return client


@pytest.fixture
def visitor() -> Client:
    return browser("alice")


def test_messages_with_all_the_words_are_found_newest_first(newbox: RoomView) -> None:
    say("the red fox", "a red hen", "foxes are red", "blue")
    assert found(newbox, "fox red") == [3, 1]
    assert found(newbox, "red") == [3, 2, 1]
    assert found(newbox, "green") == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("STRASSE", "straße"), ("Straße", "STRASSE"), ("İstanbul", "İSTANBUL"),
        ("cafe\u0301", "CAFÉ"), ("café", "cafe\u0301"),
        ("ΟΔΟΣ", "οδος"), ("ｆｕｌｌ", "full"), ("100 % sure_thing", "% sure_"), ("日本語の文", "語"),
    ],
)  # fmt: skip
def test_case_and_composition_of_letters_do_not_matter(newbox: RoomView, text: str, query: str) -> None:
    say(text)
    assert found(newbox, query) == [1]


def test_titles_are_searched_and_deleted_messages_are_not(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "done", title="Nightly backup"), Post("newbox", "backup by hand")])
    assert found(newbox, "backup done") == [1]
    services.delete_message("newbox", 2, SYSTEM)
    assert found(newbox, "backup") == [1]


def test_words_are_marked_where_they_stand_in_the_text(newbox: RoomView) -> None:
    say("Die STRASSE, die Straße und cafe\u0301")
    (hit,) = search(newbox.id, "straße café").hits
    assert [piece.text for piece in hit.text if piece.marked] == ["STRASSE", "Straße", "cafe\u0301"]
    assert "".join(piece.text for piece in hit.text) == hit.message.message


def test_fifty_are_shown_and_the_search_goes_on_where_it_ended(newbox: RoomView) -> None:
    say(*[f"number {number}" for number in range(120)])
    first = search(newbox.id, "number")
    assert [hit.message.seq for hit in first.hits] == list(range(120, 70, -1))
    second = search(newbox.id, "number", first.before)
    assert [hit.message.seq for hit in second.hits] == list(range(70, 20, -1))
    third = search(newbox.id, "number", second.before)
    assert ([hit.message.seq for hit in third.hits], third.before) == (list(range(20, 0, -1)), None)


def test_a_long_room_is_looked_through_in_steps(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", 10)
    monkeypatch.setattr(module, "_MOST_MESSAGES", 20)
    say("針", *["草"] * 49)  # which no index of words knows, so that it is the same on every database
    steps, before = [], None
    while True:
        step = search(newbox.id, "針", before)
        steps.append([hit.message.seq for hit in step.hits])
        before = step.before
        if before is None:
            break
    assert steps == [[], [], [1]]


def test_the_time_for_one_search_is_limited(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SECONDS", 0.0)
    say(*["hay"] * 30)
    assert search(newbox.id, "needle") == ([], 30)


def test_what_is_found_is_limited_by_its_length_too(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_TEXT", 1000)
    say(*["needle" + "!" * 494] * 3)
    assert found(newbox, "needle") == [3, 2]
    assert found(newbox, "needle", 2) == [1]


def test_a_word_that_is_asked_for_a_hundred_times_is_looked_for_once(newbox: RoomView) -> None:
    assert module.words_of("a A b " * 33) == ["a", "b"]


def test_a_query_that_is_too_long_is_refused(newbox: RoomView) -> None:
    with pytest.raises(BadRequest, match="at most 200 characters, this one has 201"):
        search(newbox.id, "x" * 201)


def test_the_page_marks_the_words_and_links_to_the_messages(newbox: RoomView, visitor: Client) -> None:
    say("a <b>Fox</b> & hound")
    body = visitor.get("/chat/newbox/search/?q=fox").content.decode()
    assert "a &lt;b&gt;<mark>Fox</mark>&lt;/b&gt; &amp; hound" in body
    assert 'href="/chat/newbox/#1"' in body
    assert "1 message</p>" in body


def test_the_page_leads_further_back_with_the_same_words(newbox: RoomView, visitor: Client) -> None:
    say(*["ä & b"] * 60)
    body = visitor.get(f"/chat/newbox/search/?q={quote('Ä & b')}").content.decode()
    further = re.search(r'href="([^"]*before=[^"]*)"', body)
    assert further
    assert further[1] == f"/chat/newbox/search/?q={quote('Ä & b')}&amp;before=11"
    body = visitor.get(further[1].replace("&amp;", "&")).content.decode()
    assert "10 messages" in body
    assert "Search further back" not in body


@pytest.mark.parametrize(
    "query", ["q=x&before=abc", "q=x&before=-1", "q=x&before=", f"q=x&before={'9' * 30}", f"q={'x' * 201}"]
)
def test_a_bad_question_is_told_so(newbox: RoomView, visitor: Client, query: str) -> None:
    response = visitor.get(f"/chat/newbox/search/?{query}")
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()


@pytest.mark.parametrize(
    "query", ["%00", "%f0%9f%98%80", "%25s%7B0%7D", "%5C%27%22--", "%ff%fe", "a%E2%80%A8b", "<script>alert(1)</script>"]
)
def test_hostile_questions_find_nothing_and_break_nothing(newbox: RoomView, visitor: Client, query: str) -> None:
    say("hello")
    response = visitor.get(f"/chat/newbox/search/?q={query}")
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


def test_only_who_may_read_the_room_searches_it(visitor: Client) -> None:
    services.create_room("club", private=True)
    private, missing = visitor.get("/chat/club/search/?q=x"), visitor.get("/chat/clux/search/?q=x")
    assert private.status_code == missing.status_code == 404
    assert Client().get("/chat/club/search/?q=x").status_code == 302


def test_another_spelling_of_the_room_leads_to_its_own_with_the_question(newbox: RoomView, visitor: Client) -> None:
    response = visitor.get("/chat/NEWBOX/search/?q=a%26b")
    assert (response.status_code, response["Location"]) == (302, "/chat/newbox/search/?q=a%26b")


def test_one_person_searches_so_often_and_others_all_the_same(newbox: RoomView, visitor: Client) -> None:
    def ask(browser: Client) -> int:
        return browser.get("/chat/newbox/search/?q=x").status_code

    answers = [ask(visitor) for _ in range(12)]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert ask(browser("bob")) == 200
    assert visitor.get("/chat/newbox/search/").status_code == 200, "the empty form costs nothing"


def test_a_message_that_has_expired_is_not_found(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "for a moment", lifetime=timedelta(hours=1))])
    services.delete_message("newbox", 1, SYSTEM)
    assert search(newbox.id, "moment") == ([], None)
