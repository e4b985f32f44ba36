"""What a socket sends is obeyed once and in order, however it is cut into frames and segments."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import CLOSE, PING, PONG, TEXT, Wire, masked
from tests.waiting import SOAK

CONTINUATION = 0


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        yield site
        assert "Traceback" not in site.stderr


@pytest.fixture
def room(site: ChatSite, request: pytest.FixtureRequest) -> str:
    name: str = request.node.originalname.removeprefix("test_")[:60].rstrip("_")
    site.manage("create_room", name)
    return name


def entered(site: ChatSite, room: str, *, full: bool = True) -> Wire:
    [cookie] = site.sign_in("alice")
    wire = Wire(site.host, site.port)
    return wire.open(f"/ws/chat/{room}/{'?v=1' if full else ''}", f"Cookie: {cookie}\r\n".encode())


def said(kind: str, **fields: Any) -> bytes:
    """A frame of a full client."""
    return masked(json.dumps({"type": kind, **fields}).encode())


def sends(*texts: str) -> list[bytes]:
    return [said("send", message=text, client_id=text[:20]) for text in texts]


def events(wire: Wire, until: str) -> list[dict[str, Any]]:
    """What comes up to the first event of this type, but for who is present."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != until:
        event = json.loads(wire.text())
        if event["type"] != "presence":
            found.append(event)
    return found


def texts(site: ChatSite, room: str) -> list[str]:
    return [message["message"] for message in in_the_log(site, room)]


def test_frames_in_one_segment_are_obeyed_in_order(site: ChatSite, room: str) -> None:
    """Also those that wait for the database: what comes behind them does not overtake them."""
    with entered(site, room) as wire:
        wire.socket.sendall(said("hello"))
        events(wire, "open")
        asked = said("history", before=100) + said("edit", seq=1, message="A")
        wire.socket.sendall(
            b"".join([*sends("a", "b"), said("history"), *sends("c"), asked, *sends("d"), said("ping")])
        )
        found = events(wire, "pong")
        while not {4, 5} <= {event.get("rev") for event in found if event["type"] in ("message", "edit")}:
            found.append(json.loads(wire.text()))
    assert [event["client_id"] for event in found if event["type"] == "sent"] == ["a", "b", "c", "d"]
    messages = [event for event in found if event["type"] in ("message", "edit")]
    assert sorted({event["rev"] for event in messages}) == [1, 2, 3, 4, 5]
    assert len(messages) == 5
    assert texts(site, room) == ["A", "b", "c", "d"]


def test_a_frame_may_be_cut_anywhere(site: ChatSite, room: str) -> None:
    cuts = range(1, 500) if SOAK > 1 else (1, 2, 3, 5, 6, 7, 60, 70, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 300)
    with entered(site, room) as wire:
        wire.socket.sendall(said("hello"))
        for number, cut in enumerate(cuts):
            data = b"".join(sends(f"short {number}", f"long {number} " * 30))
            wire.socket.sendall(data[:cut])
            wire.socket.sendall(data[cut:])
            answers = events(wire, "sent")
            while sum(answer["type"] == "sent" for answer in answers) < 2:
                answers += events(wire, "sent")
        expected = [text for number in range(len(cuts)) for text in (f"short {number}", f"long {number} " * 30)]
        assert texts(site, room) == expected


def test_fragments_controls_and_whole_frames_keep_one_order(site: ChatSite, room: str) -> None:
    whole = [json.dumps({"type": "send", "message": text, "client_id": text}).encode() for text in "abcde"]
    data = [
        said("hello"), masked(whole[0]), masked(whole[1][:9], final=False), masked(b"p", PING),
        masked(whole[1][9:], CONTINUATION), masked(whole[2]), masked(whole[3][:1], final=False),
        masked(b"", CONTINUATION, final=False), masked(whole[3][1:], CONTINUATION), masked(whole[4]),
    ]  # fmt: skip
    with entered(site, room) as wire:
        wire.socket.sendall(b"".join(data))
        seen: list[bytes] = []
        while sum(b'"type":"sent"' in payload for payload in seen) < 5:
            frame = wire.receive()
            assert frame
            seen.append(frame.payload)
            assert frame.opcode in (TEXT, PONG)
    assert b"p" in seen
    assert texts(site, room) == list("abcde")


def test_a_bad_frame_does_not_harm_those_around_it(site: ChatSite, room: str) -> None:
    bad = [masked(b"no json"), masked(b'{"type":"send"}'), masked(b'{"type":"ping","type":"ping"}'), masked(b"x", 2)]
    with entered(site, room) as wire:
        wire.socket.sendall(b"".join([said("hello"), *sends("a"), *bad, *sends("b"), said("hello"), said("ping")]))
        found = events(wire, "pong")
    codes = [event["code"] for event in found if event["type"] == "error"]
    assert codes == ["bad_json", "bad_field", "bad_json", "bad_json", "bad_type"]
    assert texts(site, room) == ["a", "b"]


@pytest.mark.runchat("uvicorn drops what waits when a frame is no text")
def test_what_is_no_text_ends_the_connection_and_keeps_what_came_before(site: ChatSite, room: str) -> None:
    for number, (rubbish, code) in enumerate(
        [(masked(b"\xff\xfe"), 1007), (b"\x81\x05hello", 1002), (masked(b"x", 3), 1002)]
    ):
        with entered(site, room) as wire:
            wire.socket.sendall(b"".join([said("hello"), *sends(f"before {number}"), rubbish, *sends("after")]))
            assert wire.close_code() == code
    assert texts(site, room) == ["before 0", "before 1", "before 2"]


def test_a_plain_client_may_send_many_at_once(site: ChatSite, room: str) -> None:
    with entered(site, room, full=False) as wire:
        wire.socket.sendall(b"".join(masked(json.dumps({"message": f"{n}"}).encode()) for n in range(50)))
        assert [json.loads(wire.text())["message"] for _ in range(50)] == [f"{n}" for n in range(50)]


def test_a_flood_is_told_and_closed(site: ChatSite) -> None:
    site.manage("create_room", "flooded")
    with ChatSite(beside=site, env={"CHAT_RATE": "10/s burst 50"}) as strict, entered(strict, "flooded") as wire:
        wire.socket.sendall(said("hello") + said("ping") * 3000)
        last = None
        while (frame := wire.receive()) and frame.opcode != CLOSE:
            last = frame.payload
        assert frame is not None
        assert frame.close_code == 4029
        assert last is not None
        assert json.loads(last)["code"] == "rate"
