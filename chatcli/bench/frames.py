"""A server's frames, as far as a bench looks at them, and cheaply: it must not be slower than the server. Pure."""

import msgspec

#: The first byte of a whole text, unfragmented (RFC 6455, section 5.2).
TEXT = 0x81
#: So many texts are remembered.
_MANY = 1000


class Frame(msgspec.Struct, frozen=True):
    """What of any frame counts here. A frame without a key has its default."""

    type: str
    seq: int = 0
    rev: int = 0
    client_id: str | None = None
    code: str = ""
    detail: str = ""
    retry_after: float = 0.0


class Texts:
    """Parses each text once, however many sockets get it. ValueError for one that is no frame of the protocol."""

    def __init__(self) -> None:
        self._known: dict[bytes, Frame] = {}
        self._decode = msgspec.json.Decoder(Frame).decode

    def read(self, payload: bytes) -> Frame:
        """What it says."""
        frame = self._known.get(payload)
        if frame is None:
            if len(self._known) >= _MANY:
                self._known.clear()
            frame = self._known[payload] = self._decode(payload)
        return frame


def split(data: bytes) -> tuple[list[tuple[int, int, int, int]], int]:
    """The whole frames in `data`: the first byte of each, where it, its payload and what follows it begin.

    And how many bytes they take: what follows is a frame that has not come wholly. Servers do not mask.
    """
    found = []
    start, end = 0, len(data)
    while end - start >= 2:
        size, begin = data[start + 1], start + 2
        if size > 125:
            begin += 2 if size == 126 else 8
            if begin > end:
                break
            size = int.from_bytes(data[start + 2 : begin], "big")
        stop = begin + size
        if stop > end:
            break
        found.append((data[start], start, begin, stop))
        start = stop
    return found, start
