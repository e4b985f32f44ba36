"""Whole text frames are read as the `websockets` package reads them; all else is left alone."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from chatcli.server.texts import whole_text

LIMIT = 65_536
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def framed(text: str) -> bytes:
    """As a browser sends it."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


def read(data: bytes) -> Frame | None:
    """The first frame in `data` as the `websockets` package reads it; None for one that is not all there."""
    stream = StreamReader()
    stream.feed_data(data)
    parsing: Generator[None, None, Frame] = Frame.parse(stream.read_exact, mask=True, max_size=LIMIT)
    try:
        next(parsing)
    except StopIteration as done:
        frame: Frame = done.value
        return frame
    return None


@given(st.lists(TEXTS, min_size=1, max_size=5), st.binary(max_size=20))
def test_texts_in_a_row_are_read_one_by_one(texts: list[str], rest: bytes) -> None:
    data, at = b"".join(map(framed, texts)) + rest, 0
    for text in texts:
        found = whole_text(data, at, LIMIT)
        assert found is not None
        assert found[0] == text
        at = found[1]
    assert data[at:] == rest


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535])
def test_every_size_up_to_two_bytes_of_it_is_read(size: int) -> None:
    data = framed("x" * size)
    assert whole_text(data, 0, LIMIT) == ("x" * size, len(data))
    assert whole_text(data, 0, size - 1) is None
    assert all(whole_text(data[:end], 0, LIMIT) is None for end in (0, 1, 2, 5, len(data) - 1))


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.TEXT, b"x" * 65_536), Frame(Opcode.BINARY, b"x"), Frame(Opcode.TEXT, b"x", fin=False),
        Frame(Opcode.CONT, b"x"), Frame(Opcode.PING, b"x"), Frame(Opcode.PONG, b""), Frame(Opcode.CLOSE, b"\x03\xe8"),
        Frame(Opcode.TEXT, b"\xff"),
        Frame(Opcode.TEXT, "\ud800".encode(errors="surrogatepass")),
    ],
)  # fmt: skip
def test_other_frames_are_left_alone(frame: Frame) -> None:
    assert whole_text(frame.serialize(mask=True), 0, 10 * LIMIT) is None


@pytest.mark.parametrize("reserved", [0x40, 0x20, 0x10])
def test_a_frame_with_a_reserved_bit_is_left_alone(reserved: int) -> None:
    data = framed("hello")
    assert whole_text(bytes([data[0] | reserved]) + data[1:], 0, LIMIT) is None


@pytest.mark.parametrize(
    "head", [b"\x81\x05", b"\x81\xfe\x00\x05", b"\x81\xff" + bytes(7) + b"\x05", b"\x81\x7e\x00\xff"]
)
def test_an_unmasked_frame_and_a_size_longer_than_it_must_be_are_left_alone(head: bytes) -> None:
    assert whole_text(head + bytes(4) + b"hello" * 100, 0, LIMIT) is None


@given(st.binary(max_size=200))
def test_of_any_bytes_only_a_sound_text_is_taken(data: bytes) -> None:
    assert_as_others_read(data)


@given(TEXTS, st.data())
def test_a_frame_with_a_byte_changed_is_read_as_others_read_it(text: str, data: Any) -> None:
    frame = bytearray(framed(text))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    assert_as_others_read(bytes(frame))


def assert_as_others_read(data: bytes) -> None:
    found = whole_text(data, 0, LIMIT)
    try:
        frame = read(data)
    except (ProtocolError, PayloadTooBig):
        assert found is None
        return
    if found is None:
        if frame is not None and frame.opcode is Opcode.TEXT and frame.fin and data[1] & 127 != 127:
            assert not is_sound(data, frame), "a sound text was left alone"
        return
    assert frame is not None
    assert (frame.opcode, frame.fin) == (Opcode.TEXT, True)
    assert found[0].encode() == bytes(frame.data)


def is_sound(data: bytes, frame: Frame) -> bool:
    """Whether it has the shortest form of its size, and is UTF-8."""
    try:
        bytes(frame.data).decode()
    except UnicodeDecodeError:
        return False
    return data[1] & 127 != 126 or len(frame.data) >= 126
