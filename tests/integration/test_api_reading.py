"""Reading over HTTP: messages by number and time, one message, the log by rev."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.history import RoomView
from chatcore.models import Change, Message, Room
from tests.integration.api import Told, asked, made_token
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)

LETTERS = "abcdefghij"
_numbers = count()


@pytest.fixture
def ten(newbox: RoomView) -> RoomView:
    """A room with ten messages, a to j, one a minute, the last one now."""
    say("newbox", *LETTERS)
    now = datetime.now(UTC)
    for message in Message.objects.filter(room=newbox.id):
        Message.objects.filter(pk=message.pk).update(created_at=now - timedelta(minutes=10 - message.seq, seconds=1))
    return newbox


def read_all(*queries: str, what: str = "messages") -> list[Told]:
    """The answers to these queries, of one server, to a token of its own."""
    token = made_token("newbox", name=f"reader {next(_numbers)}", can=["read"])
    return asked(*(("GET", f"rooms/newbox/{what}", None, {"query": query}) for query in queries), token=token)


def read(query: str = "", what: str = "messages") -> Told:
    return read_all(query, what=what)[0]


def texts(told: Told) -> str:
    assert told.status == 200, told.body
    return "".join(message["message"] for message in told.json["messages"])


#: Queries, with the messages that they mean and whether there are more.
CHOICES = {
    "": ("abcdefghij", False),
    "limit=3": ("hij", True),
    "limit=10": ("abcdefghij", False),
    "after=0&limit=3": ("abc", True),
    "after=7": ("hij", False),
    "after=7&limit=3": ("hij", False),
    "after=10": ("", False),
    "after=9223372036854775807": ("", False),
    "before=4": ("abc", False),
    "before=4&limit=2": ("bc", True),
    "before=1": ("", False),
    "after=2&before=6": ("cde", False),
    "after=2&before=6&limit=2": ("cd", True),
    "after=6&before=2": ("", False),
    "since=3m": ("hij", False),
    "since=3m&limit=2": ("hi", True),
    "since=3m&after=8": ("ij", False),
    "since=1s": ("", False),
    "since=1d": ("abcdefghij", False),
    "until=3m": ("abcdefg", False),
    "until=3m&limit=2": ("fg", True),
    "until=1d": ("", False),
    "since=5m&until=3m": ("fg", False),
    "since=5m&until=1s&limit=500": ("fghij", False),
    "since=0&limit=1": ("a", True),
    "until=0": ("", False),
}


def test_messages_are_chosen_by_number_and_time(ten: RoomView) -> None:
    answers = dict(zip(CHOICES, read_all(*CHOICES), strict=True))
    assert {query: (texts(told), told.json["more"]) for query, told in answers.items()} == CHOICES
    assert {(told.json["type"], told.json["room"]) for told in answers.values()} == {("history", "newbox")}


def test_moments_are_rfc_3339_and_unix_seconds_too(ten: RoomView) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=3)
    forms = f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{moment:%Y-%m-%dT%H:%M:%S}%2B00:00", str(int(moment.timestamp()))
    assert [texts(told) for told in read_all(*(f"since={form}" for form in forms))] == ["hij"] * 3


BAD_QUERIES = [
    "after=-1", "after=x", "after=9223372036854775808", "after=1.5", "after=true", "after=", "after=null", "before=0",
    "limit=0", "limit=501", "limit=-1", "since=yesterday", "since=2026-11-22", "since=-1h",
    "since=999999999d", "until=99999999999999", "since=", "after=1&after=2", "unknown=1", "after=%ff", "%00=1",
    "wait=pushed", "since=2026-11-22T06:15:02",
]  # fmt: skip


def test_a_bad_query_is_refused_with_a_reason(newbox: RoomView) -> None:
    for query, told in zip(BAD_QUERIES, read_all(*BAD_QUERIES), strict=True):
        assert (told.status, told.json.get("code")) == (400, "bad_field"), (query, told.body)
        assert (told.json["type"], told.json["detail"] != "") == ("error", True), query


def test_pages_of_messages_lead_from_end_to_end(ten: RoomView) -> None:
    forward, after = "", 0
    backward, before = "", 11
    while (page := read(f"after={after}&limit=4")).json["more"]:
        forward, after = forward + texts(page), page.json["messages"][-1]["seq"]
    assert forward + texts(page) == LETTERS
    while (page := read(f"before={before}&limit=4")).json["more"]:
        backward, before = texts(page) + backward, page.json["messages"][0]["seq"]
    assert texts(page) + backward == LETTERS


def test_a_message_is_shown_as_it_is_now(ten: RoomView) -> None:
    services.edit_message("newbox", 2, "B", SYSTEM)
    services.delete_message("newbox", 3, SYSTEM)
    second, third = (read(what=f"messages/{seq}").json for seq in (2, 3))
    assert (second["type"], second["message"], second["deleted"]) == ("message", "B", False)
    assert second["edited_at"] is not None
    assert (third["message"], third["deleted"]) == ("", True)


def test_a_number_without_a_message_is_not_found(ten: RoomView) -> None:
    seqs = ["11", "0", "-1", "x", "1.0", "01x", "9" * 30, "٣", ""]
    asking = [("GET", f"rooms/newbox/messages/{seq}", None) for seq in seqs]
    assert {(told.status, told.json["code"]) for told in asked(*asking, token=made_token("newbox"))} == {
        (404, "not_found")
    }


# The log


def revs(told: Told) -> list[int]:
    assert told.status == 200, told.body
    return [event["rev"] for event in told.json["events"]]


def gap(told: Told) -> tuple[str, int, int] | None:
    found = told.json["gap"]
    assert found is None or (found["type"], found["room"], found["epoch"]) == ("gap", "newbox", told.json["epoch"])
    return found and (found["reason"], found["after"], found["upto"])


@pytest.fixture
def changed(ten: RoomView) -> dict[str, Any]:
    """That room with an edit (rev 11) and a deletion (rev 12); its events."""
    services.edit_message("newbox", 2, "B", SYSTEM)
    services.delete_message("newbox", 3, SYSTEM)
    return read("limit=500", "events").json


def test_events_are_all_that_happened_in_order(changed: dict[str, Any]) -> None:
    assert [event["rev"] for event in changed["events"]] == list(range(1, 13))
    assert [event["type"] for event in changed["events"]] == ["message"] * 10 + ["edit", "delete"]
    assert (changed["head"], changed["floor"], changed["room"], changed["gap"]) == (12, 0, "newbox", None)


def test_events_go_on_after_a_rev(changed: dict[str, Any]) -> None:
    pages = {(0, 2): [1, 2], (10, 50): [11, 12], (12, 50): [], (9, 1): [10]}
    queries = [f"after={after}&limit={limit}&epoch={changed['epoch']}" for after, limit in pages]
    answers = read_all(*queries, what="events")
    assert [revs(told) for told in answers] == list(pages.values())
    assert [gap(told) for told in answers] == [None] * len(pages)


def test_the_event_at_the_rev_may_be_named(changed: dict[str, Any]) -> None:
    named = [(1, "id"), (10, "id"), (11, "change_id"), (11, "id"), (12, "change_id")]
    ids = [changed["events"][rev - 1][key] for rev, key in named]
    queries = [f"after={rev}&id={event}&epoch={changed['epoch']}" for (rev, _), event in zip(named, ids, strict=True)]
    for (rev, _), told in zip(named, read_all(*queries, what="events"), strict=True):
        assert (revs(told), gap(told)) == (list(range(rev + 1, 13)), None)


GAPS = {
    "after=13": ("ahead", 13, 12),
    "after=9223372036854775807": ("ahead", 2**63 - 1, 12),
    "after=4&epoch=another": ("epoch", 4, 0),
    "after=99&epoch=another": ("epoch", 99, 0),
    "after=4&id=another": ("history_changed", 4, 0),
}


def test_a_log_that_does_not_go_on_is_a_gap(changed: dict[str, Any]) -> None:
    for expected, told in zip(GAPS.values(), read_all(*GAPS, what="events"), strict=True):
        assert gap(told) == expected
        assert revs(told) == list(range(expected[2] + 1, 13))


def test_what_was_pruned_is_a_gap_for_who_had_something_and_the_beginning_for_others(ten: RoomView) -> None:
    Message.objects.filter(room=ten.id, rev__lte=4).delete()
    Change.objects.filter(room=ten.id, rev__lte=4).delete()
    Room.objects.filter(pk=ten.id).update(floor=4, seq_floor=4)
    told = read("after=2&id=whatever", "events")
    assert (gap(told), revs(told)) == (("pruned", 2, 4), [5, 6, 7, 8, 9, 10])
    told = read("limit=2", "events")
    assert (gap(told), revs(told), told.json["floor"]) == (None, [5, 6], 4)
    assert texts(read("after=0")) == "efghij"


def test_an_empty_log_is_an_answer(newbox: RoomView) -> None:
    told = read(what="events")
    assert (revs(told), gap(told), told.json["head"]) == ([], None, 0)


# Who may


WAYS = ["", "/messages", "/messages/1", "/events", "/members", "/presence"]


def test_who_may_not_read_learns_nothing(ten: RoomView) -> None:
    services.create_room("secret", private=True)
    elsewhere, sender = made_token("*", name="all"), made_token("newbox", name="sender", can=["send"])
    hidden = asked(*(("GET", f"rooms/secret{way}", None) for way in WAYS), token=elsewhere)
    missing = asked(*(("GET", f"rooms/nothing{way}", None) for way in WAYS), token=elsewhere)
    assert {told.status for told in [*hidden, *missing]} == {404}
    assert [told.json["detail"].replace("secret", "nothing") for told in hidden] == [
        told.json["detail"] for told in missing
    ]
    refused = asked(*(("GET", f"rooms/newbox{way}", None) for way in WAYS), token=sender)
    assert {(told.status, told.json["code"]) for told in refused} == {(403, "forbidden")}
    nobody = asked(*(("GET", f"rooms/newbox{way}", None) for way in WAYS))
    assert {(told.status, told.headers["www-authenticate"]) for told in nobody} == {(401, "Bearer")}


def test_other_spellings_lead_to_the_room(ten: RoomView) -> None:
    (told,) = asked(("GET", "rooms/NewBOX/messages", None), token=made_token("newbox"))
    assert told.json["room"] == "newbox"


def test_head_is_get_without_a_body(ten: RoomView) -> None:
    get, head = asked(
        ("GET", "rooms/newbox/messages", None), ("HEAD", "rooms/newbox/messages", None), token=made_token("newbox")
    )
    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers
