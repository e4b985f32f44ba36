"""Bad input over a socket, against a real server: each frame and each JSON text is answered or ends its connection with
the right code; nothing of it is stored or told to anybody, and the server goes on."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.wire import BINARY, CLOSE, PING, PONG, TEXT, Frame, Wire, masked

CONTINUATION = 0
LIMIT = 65_536
#: A text of the protocol, to be harmed.
SAID = json.dumps({"type": "send", "message": "must not be stored", "client_id": "c"}).encode()


def fragments(payload: bytes, count: int, opcode: int = TEXT) -> bytes:
    """`payload` in the first of so many frames."""
    begin = masked(payload, opcode, final=False)
    return begin + masked(b"", CONTINUATION, final=False) * (count - 2) + masked(b"", CONTINUATION)


def unmasked(payload: bytes) -> bytes:
    return bytes((0x81, len(payload))) + payload


def announced(size: int) -> bytes:
    """The beginning of a frame of that size."""
    return b"\x81\xff" + struct.pack("!Q", size) + b"mask"


#: Bytes, and the code of the error with which the socket stays, or the code of the close frame.
FRAMES: dict[str, tuple[bytes, str | int]] = {
    "over the limit by one": (masked(b" " * (LIMIT + 1)), 1009),
    "over the limit by far": (masked(b"x" * 1_000_000), 1009),
    "over the limit in pieces": (masked(b"x" * 60_000, final=False) + masked(b"x" * 60_000, CONTINUATION), 1009),
    "a length of eight bytes for a terabyte": (announced(2**40), 1009),
    "a length with its highest bit": (announced(2**63), 1002),
    "a short text with a length of two bytes": (b"\x81\xfe\x00\x05mask" + b"xxxxx", 1002),
    "at the limit and no JSON": (masked(b"x" * LIMIT), "bad_json"),
    "thousands of fragments of no JSON": (fragments(b"no JSON", 5000), "bad_json"),
    "thousands of fragments and no end": (fragments(SAID, 5000)[: -len(masked(b""))] + masked(SAID), 1002),
    "binary": (masked(SAID, BINARY), "bad_json"),
    "binary in fragments": (fragments(SAID, 3, BINARY), "bad_json"),
    "empty binary": (masked(b"", BINARY), "bad_json"),
    "empty text": (masked(b""), "bad_json"),
    "empty text in fragments": (fragments(b"", 4), "bad_json"),
    "text that is not UTF-8": (masked(b"\xff\xfe\x00"), 1007),
    "a surrogate in UTF-8": (masked(b"\xed\xa0\x80"), 1007),
    "an overlong slash": (masked(b"\xc0\xaf"), 1007),
    "half a character at the end": (masked(SAID + "é".encode()[:1]), 1007),
    "not UTF-8 in the second fragment": (masked(b"{", final=False) + masked(b"\xff", CONTINUATION), 1007),
    "no mask": (unmasked(SAID[:100]), 1002),
    "a reserved bit": (b"\xc1" + masked(SAID)[1:], 1002),
    "all reserved bits": (b"\xf1" + masked(SAID)[1:], 1002),
    "a reserved opcode": (masked(SAID, 3), 1002),
    "a reserved control opcode": (masked(b"", 11), 1002),
    "a continuation of nothing": (masked(SAID, CONTINUATION), 1002),
    "a text within a text": (masked(SAID, final=False) + masked(SAID), 1002),
    "a ping in fragments": (masked(b"p", PING, final=False), 1002),
    "a ping of 126 bytes": (masked(b"p" * 126, PING), 1002),
    "a close frame of one byte": (masked(b"\x03", CLOSE), 1002),
    "a close code that is none": (masked(struct.pack("!H", 999), CLOSE), 1002),
    "a close code for nobody": (masked(struct.pack("!H", 1005), CLOSE), 1002),
    "a reason that is not UTF-8": (masked(b"\x03\xe8\xff", CLOSE), 1007),
    "a good bye": (masked(b"\x03\xe8bye", CLOSE), 1000),
    "a text after the close frame": (masked(b"\x03\xe8", CLOSE) + masked(SAID), 1000),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 1002),
    "zeros": (b"\0" * 100, 1002),
}

NUMBER = 2**63
#: What is no good as JSON, or as a frame of the protocol; the code of the error.
TEXTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "bad_json"),
    "a blank": (" ", "bad_json"),
    "words": ("hello", "bad_json"),
    "half an object": ('{"type":"send","message":"x"', "bad_json"),
    "two objects": ('{"type":"ping"}{"type":"ping"}', "bad_json"),
    "a comment": ('{"type":"ping"} // so', "bad_json"),
    "single quotes": ("{'type':'ping'}", "bad_json"),
    "a byte order mark": ('\ufeff{"type":"ping"}', "bad_json"),
    "null": ("null", "bad_json"),
    "a number": ("5", "bad_json"),
    "true": ("true", "bad_json"),
    "a string": ('"ping"', "bad_json"),
    "an array": ("[]", "bad_json"),
    "an array of frames": ('[{"type":"ping"}]', "bad_json"),
    "NaN": ('{"type":"ack","seq":NaN}', "bad_json"),
    "Infinity": ('{"type":"ack","seq":-Infinity}', "bad_json"),
    "nested brackets": ("[" * 60_000, "bad_json"),
    "nested objects": ('{"a":' * 12_000, "bad_json"),
    "nested where a text belongs": ('{"type":"send","message":' + "[" * 5000 + "]" * 5000 + "}", "bad_json"),
    "a key twice": ('{"type":"send","message":"a","message":"b"}', "bad_json"),
    "a key twice, once escaped": ('{"type":"send","message":"a","mess\\u0061ge":"b"}', "bad_json"),
    "the type twice": ('{"type":"ping","type":"send","message":"x"}', "bad_json"),
    "half a surrogate pair": ('{"type":"send","message":"\\ud800"}', "bad_json"),
    "a raw control character": ('{"type":"send","message":"\x01"}', "bad_json"),
    "no type": ("{}", "bad_type"),
    "a plain client's frame": ('{"message":"hi","username":"root"}', "bad_type"),
    "an unknown type": ('{"type":"nonsense"}', "bad_type"),
    "a handler's name": ('{"type":"room.events"}', "bad_type"),
    "a ring": ('{"type":"roomline.ring","v":2,"rings":[[1,"e",0,9,[]]]}', "bad_type"),
    "an ASGI event": ('{"type":"websocket.close","code":1000}', "bad_type"),
    "a server's event": ('{"type":"message","message":"x"}', "bad_type"),
    "a type of another kind": ('{"type":["send"]}', "bad_type"),
    "a type of null": ('{"type":null}', "bad_type"),
    "a second hello": ('{"type":"hello","after":0}', "bad_type"),
    "no message": ('{"type":"send"}', "bad_field"),
    "a message of null": ('{"type":"send","message":null}', "bad_field"),
    "a message that is a number": ('{"type":"send","message":5}', "bad_field"),
    "a spoofed name": ('{"type":"send","message":"x","username":"root"}', "bad_field"),
    "a spoofed author": ('{"type":"send","message":"x","author":{"type":"system"}}', "bad_field"),
    "a spoofed number": ('{"type":"send","message":"x","seq":1}', "bad_field"),
    "a spoofed time": ('{"type":"send","message":"x","created_at":"2000-01-01T00:00:00Z"}', "bad_field"),
    "another room": ('{"type":"send","message":"x","room":"other"}', "bad_field"),
    "__proto__": ('{"type":"send","message":"x","__proto__":{"admin":true}}', "bad_field"),
    "a number below": ('{"type":"edit","seq":-1,"message":"x"}', "bad_field"),
    "a number of zero": ('{"type":"delete","seq":0}', "bad_field"),
    "a number too large": (f'{{"type":"ack","seq":{NUMBER}}}', "bad_field"),
    "a number with a thousand digits": (f'{{"type":"ack","seq":{"9" * 1000}}}', "bad_field"),
    "a number as text": ('{"type":"delete","seq":"5"}', "bad_field"),
    "a number that is true": ('{"type":"delete","seq":true}', "bad_field"),
    "a number with a fraction": ('{"type":"delete","seq":1.5}', "bad_field"),
    "a client_id of 10 KB": (f'{{"type":"send","message":"x","client_id":"{"c" * 10_240}"}}', "bad_field"),
    "a client_id of nothing": ('{"type":"send","message":"x","client_id":""}', "bad_field"),
    "a client_id with NUL": ('{"type":"send","message":"x","client_id":"\\u0000"}', "bad_text"),
    "more history than a page": ('{"type":"history","limit":501}', "bad_field"),
    "no message of that number": ('{"type":"edit","seq":9000,"message":"x"}', "not_found"),
    "no message of the largest number": (f'{{"type":"delete","seq":{NUMBER - 1}}}', "not_found"),
    "an answer to nothing": ('{"type":"send","message":"x","reply_to":9000}', "not_found"),
    "empty": ('{"type":"send","message":""}', "empty"),
    "blank": ('{"type":"send","message":" \\n\\u2003\\u3000"}', "empty"),
    "a NUL": ('{"type":"send","message":"a\\u0000b"}', "bad_text"),
    "too long": (f'{{"type":"send","message":"{"x" * 4001}"}}', "too_long"),
    "too long in characters of four bytes": (f'{{"type":"send","message":"{"🎉" * 4001}"}}', "too_long"),
    "somebody else's message": ('{"type":"edit","seq":1,"message":"x"}', "forbidden"),
    "deleting somebody else's": ('{"type":"delete","seq":1}', "forbidden"),
    "a client_id with another text": ('{"type":"send","message":"other","client_id":"used"}', "key_reused"),
}

#: Where a client may say it stands, and the reason of the gap which says that it cannot be so.
PLACES: dict[str, tuple[dict[str, Any], str]] = {
    "beyond the head": ({"after": 10**6}, "ahead"),
    "the largest number": ({"after": NUMBER - 1}, "ahead"),
    "another event there": ({"after": 1, "id": "0199-other"}, "history_changed"),
    "an id with NUL": ({"after": 1, "id": "\0"}, "history_changed"),
    "another epoch": ({"after": 1, "epoch": "x" * 5000}, "epoch"),
}


class Witness:
    """Somebody in the room. Whatever was stored or told there since he came, he would have heard."""

    def __init__(self, site: ChatSite) -> None:
        [cookie, other] = site.sign_in("alice", "mallory")
        self.site, self.cookie = site, other
        self.wire = entered(site, cookie)
        self._say("the first message", "first")
        self.rev = 1
        with entered(site, other) as mallory:
            mallory.send(json.dumps({"type": "send", "message": "used", "client_id": "used"}))
            while answer(mallory)["type"] != "sent":
                pass
        assert self._next()["rev"] == 2
        self.rev = 2

    def is_alone(self) -> bool:
        """Whether the room has had nothing but his own words, of which this is one more."""
        self._say(f"after rev {self.rev}", f"c{self.rev}")
        self.rev += 1
        return True

    def _say(self, text: str, client_id: str) -> None:
        before = getattr(self, "rev", 0)
        self.wire.send(json.dumps({"type": "send", "message": text, "client_id": client_id}))
        heard = [self._next(), self._next()]
        assert {event["type"]: event["rev"] for event in heard} == {"message": before + 1, "sent": before + 1}

    def _next(self) -> dict[str, Any]:
        """The next event but for who is present."""
        return answer(self.wire)


def entered(site: ChatSite, cookie: str) -> Wire:
    wire = Wire(site.host, site.port).open("/ws/chat/bad/?v=1", f"Cookie: {cookie}\r\n".encode())
    wire.send('{"type":"hello","after":0}')
    assert answer(wire)["type"] == "open"
    return wire


def answer(wire: Wire) -> dict[str, Any]:
    """The next event that is not of who is present."""
    while (event := json.loads(wire.text()))["type"] == "presence":
        pass
    found: dict[str, Any] = event
    return found


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        assert site.manage("create_room", "bad").returncode == 0
        witness = Witness(site)
        yield witness
        witness.wire.socket.close()
        assert site.stop() == 0
        assert "Traceback" not in site.stderr


@pytest.fixture
def wire(witness: Witness) -> Iterator[Wire]:
    """Mallory in the room, who has seen everything."""
    with entered(witness.site, witness.cookie) as wire:
        for _ in range(witness.rev):
            assert answer(wire)["type"] == "message"
        yield wire
    assert witness.is_alone()


def said(code: str, wire: Wire) -> None:
    error = answer(wire)
    assert (error["type"], error["code"]) == ("error", code), error
    assert error["detail"]
    assert error["detail"].isprintable()
    wire.send('{"type":"ping"}')
    assert answer(wire)["type"] == "pong"


@pytest.mark.parametrize(("data", "result"), FRAMES.values(), ids=FRAMES)
@pytest.mark.runchat("what its server answers to a broken frame")
def test_a_bad_frame_is_an_error_or_ends_its_own_connection(wire: Wire, data: bytes, result: str | int) -> None:
    wire.socket.sendall(data)
    if isinstance(result, str):
        said(result, wire)
        return
    frame: Frame | None = wire.receive()
    while frame is not None and frame.opcode != CLOSE:
        frame = wire.receive()
    assert frame is not None, "the connection ended without a close frame"
    assert frame.close_code == result


@pytest.mark.parametrize(("text", "code"), TEXTS.values(), ids=TEXTS)
def test_bad_json_is_an_error_with_its_code_and_the_socket_stays(wire: Wire, text: str, code: str) -> None:
    wire.send(text.encode("utf-8", "surrogatepass"))
    said(code, wire)


@pytest.mark.parametrize(("place", "reason"), PLACES.values(), ids=PLACES)
def test_a_place_that_cannot_be_is_a_gap_that_says_why(witness: Witness, place: dict[str, Any], reason: str) -> None:
    headers = f"Cookie: {witness.cookie}\r\n".encode()
    with Wire(witness.site.host, witness.site.port).open("/ws/chat/bad/?v=1", headers) as wire:
        wire.send(json.dumps({"type": "hello", **place}))
        assert answer(wire)["type"] == "open"
        gap = answer(wire)
        assert (gap["type"], gap["reason"]) == ("gap", reason)
        assert answer(wire)["seq"] == max(1, witness.rev - 49)
    assert witness.is_alone()


def test_a_flood_of_pings_is_answered_and_disturbs_nobody(wire: Wire) -> None:
    wire.socket.sendall(masked(b"p" * 125, PING) * 500)
    pongs = 0
    while pongs < 500 and (frame := wire.receive()) and frame.opcode != CLOSE:
        pongs += frame.opcode == PONG
    assert pongs == 500


def test_a_reset_in_the_middle_of_a_frame_leaves_nothing(witness: Witness) -> None:
    for cut in (1, 2, 5, 20, len(SAID)):
        wire = entered(witness.site, witness.cookie)
        wire.socket.sendall(masked(SAID)[:cut])
        wire.reset()
    assert witness.is_alone()
