"""What a server answers a tail: taken as it is where it is an answer, and refused in words where it is none."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from chatcli.remote.errors import NoRoomline, Refused
from chatcli.remote.logs import ServerLogs
from chatcore.events import Author, Message, encode
from chatcore.exceptions import RoomNotFound

WHEN = datetime(2026, 11, 22, tzinfo=UTC)
ROOM: dict[str, Any] = {
    "name": "Straße", "key": "strasse", "archived": False, "last_seq": 3, "head": 3, "floor": 0, "epoch": "e1",
    "created_at": "2026-11-22T00:00:00Z", "topic": "a later version's key",
}  # fmt: skip


def message(rev: int, text: str = "hello") -> dict[str, Any]:
    event = Message(
        room="Straße", id=f"id-{rev}", seq=rev, rev=rev, kind="message", message=text, username="a",
        author=Author("user", "1", "a"), source="web", created_at=WHEN,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(encode(event))
    return found


def page(*events: Any, **more: Any) -> dict[str, Any]:
    return {"room": "Straße", "epoch": "e1", "head": 3, "floor": 0, "gap": None, "events": list(events), **more}


class Server:
    """Answers by path; what it was asked is kept."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"rooms": {"rooms": [ROOM]}, **answers}
        self.asked: list[str] = []

    def __call__(self, path: str) -> bytes:
        self.asked.append(path)
        answer = self.answers[path.partition("?")[0].rpartition("/")[2]]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer, separators=(",", ":")).encode()


def logs(**answers: Any) -> tuple[ServerLogs, Server]:
    server = Server(**answers)
    found = ServerLogs(server)
    found.rooms()
    return found, server


def test_a_page_is_asked_for_by_rev_id_and_epoch_and_its_events_are_left_as_they_were_encoded() -> None:
    more = {**message(2), "of_a_later_version": [1, 2]}
    found, server = logs(events=page(message(1), more))
    answer = found.page(1, 0, "e/1", "a&b", 20)
    assert answer.payloads == [json.dumps(item, separators=(",", ":")).encode() for item in (message(1), more)]
    assert (answer.head, answer.gap) == (3, None)
    assert server.asked[-1] == "rooms/Stra%C3%9Fe/events?after=0&epoch=e%2F1&limit=20&id=a%26b"


def test_an_event_on_several_lines_becomes_one_line() -> None:
    found, _ = logs(events=json.dumps(page(message(1)), indent=2).encode())
    (payload,) = found.page(1, 0, "e1", None, 500).payloads
    assert payload.startswith(b'{"type":"message",')
    assert b"\n" not in payload
    assert json.loads(payload) == message(1)


STRANGE: dict[str, Any] = {
    "no JSON": b"<html>",
    "no object": b"[]",
    "not UTF-8": b'{"room":"\xff"}',
    "nested without an end": b"[" * 100_000,
    "without its events": {"room": "x", "epoch": "e1", "head": 1, "floor": 0, "gap": None},
    "an event of no kind": page({"type": "other"}),
    "an event without an author": page({**message(1), "author": None}),
    "an event in the place of another": page(message(2)),
    "an event twice": page(message(1), message(1)),
    "a time without a zone": page({**message(1), "created_at": "2026-11-22T06:15:02"}),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_answer_of_a_chat_is_an_error_in_words(name: str) -> None:
    found, _ = logs(events=STRANGE[name])
    with pytest.raises(NoRoomline, match="none of a chat"):
        found.page(1, 0, "e1", None, 500)


def test_a_room_that_was_renamed_is_asked_for_by_its_new_name() -> None:
    renamed = {"rooms": [{**ROOM, "name": "new", "key": "new"}]}
    found, server = logs(rooms=[{"rooms": [ROOM]}, renamed], events=[Refused(404, "not_found", "no"), page()])
    assert found.page(1, 3, "e1", None, 500).payloads == []
    assert server.asked[-1].startswith("rooms/new/events?")


def test_another_room_under_the_old_name_is_not_taken_for_it() -> None:
    rooms = {"rooms": [{**ROOM, "name": "new", "key": "new"}, {**ROOM, "epoch": "e2"}]}
    found, server = logs(rooms=[{"rooms": [ROOM]}, rooms], events=[page(message(1), epoch="e2"), page()])
    assert found.page(1, 0, "e1", None, 500).payloads == []
    assert server.asked[-1].startswith("rooms/new/events?")


def test_a_room_that_is_gone_is_not_found() -> None:
    found, _ = logs(rooms=[{"rooms": [ROOM]}, {"rooms": []}], events=Refused(404, "not_found", "no"))
    with pytest.raises(RoomNotFound):
        found.page(1, 0, "e1", None, 500)


def test_other_refusals_are_the_servers_own() -> None:
    found, _ = logs(events=Refused(401, "not_signed_in", "token probe was revoked"))
    with pytest.raises(Refused, match="revoked") as caught:
        found.page(1, 0, "e1", None, 500)
    assert caught.value.exit_code == 4


ASKED: dict[str, Callable[[ServerLogs], Sequence[Message]]] = {
    "rooms/Stra%C3%9Fe/messages?after=7&limit=2": lambda it: it.messages_after(it.rooms()[0], 7, 2),
    "rooms/Stra%C3%9Fe/messages?since=2026-11-22T00:00:00Z&limit=1": lambda it: it.messages_since(
        it.rooms()[0], WHEN, 1
    ),
}


@pytest.mark.parametrize("path", ASKED)
def test_messages_are_asked_for_by_number_and_by_time(path: str) -> None:
    found, server = logs(messages={"type": "history", "room": "x", "messages": [message(8)], "more": True})
    (first,) = ASKED[path](found)
    assert first.seq == 8
    assert server.asked[-1] == path


def test_the_id_of_an_event_is_that_of_the_event_at_its_rev() -> None:
    found, _ = logs(events=[page(message(2)), page(), page(gap=None)])
    room = found.rooms()[0]
    assert found.event_id(room, 2) == "id-2"
    assert found.event_id(room, 3) is None
    assert found.floor(room) == 0
