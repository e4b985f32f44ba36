"""A small ASGI application for tests of the server alone: it echoes, broadcasts, closes and fails as it is told to."""

import asyncio
import random
import struct
from collections.abc import Iterator
from typing import Any


def text_frame(payload: bytes) -> bytes:
    """An unmasked, unfragmented RFC 6455 text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + struct.pack("!H", size) + payload
    return b"\x81\x7f" + struct.pack("!Q", size) + payload


def fuzz_texts(seed: int, count: int) -> Iterator[str]:
    """Texts of 1 to 100,000 characters, mostly short, the same ones for the same seed."""
    dice = random.Random(seed)
    for number in range(count):
        yield f"{number}.{dice.random()}."[:6].ljust(int(10 ** dice.uniform(0, 5)), "x")


def batches(texts: Iterator[str], dice: random.Random) -> Iterator[bytes]:
    """The texts as frames, up to five in one piece; a long one ends its piece."""
    left, piece = 0, b""
    for text in texts:
        left, piece = left or dice.randint(1, 5), piece + text_frame(text.encode())
        left -= 1
        if not left or len(piece) > 20_000:
            yield piece
            left, piece = 0, b""
    yield piece


class Speech:
    """What was said in a room so far, as ready frames, and who hears what follows."""

    def __init__(self) -> None:
        self.past = bytearray()
        self.hearers: set[Any] = set()
        self.waited_for: set[Any] = set()


class Visit:
    """One socket. A message is a verb, which is a method here, a blank and the rest; a path is a room."""

    def __init__(self, scope: dict[str, Any], send: Any, room: set[Any], speech: Speech) -> None:
        self.scope, self.send, self.room, self.speech = scope, send, room, speech
        self.frames = scope["extensions"]["roomline.frames"]

    async def text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    async def echo(self, rest: str) -> None:
        await self.text(rest)

    async def size(self, rest: str) -> None:
        await self.text("x" * int(rest))

    async def binary(self, rest: str) -> None:
        await self.send({"type": "websocket.send", "bytes": rest.encode()})

    async def root(self, rest: str) -> None:
        await self.text(self.scope["root_path"])

    async def all(self, rest: str) -> None:
        for frames in list(self.room):
            frames.write(text_frame(rest.encode()))

    async def flood(self, rest: str) -> None:
        """So many frames of 10 kB to all, as fast as the one who asks can read them."""
        for number in range(int(rest)):
            for frames in list(self.room):
                frames.write(text_frame(b"%06d" % number + b"." * 10_000))
            await self.frames.drained()

    async def catchup(self, rest: str) -> None:
        """So many bytes; then how much of it waited, and how much still does."""
        self.frames.write_catchup(text_frame(b"c" * int(rest)))
        waited = self.frames.pending
        await self.frames.drained()
        await self.text(f"{waited} {self.frames.pending}")

    async def fuzz(self, rest: str) -> None:
        """`fuzz_texts` of a seed and a count, by all the ways that there are."""
        seed, count = map(int, rest.split())
        dice = random.Random(-seed)
        for text in fuzz_texts(seed, count):
            match dice.choice(["write", "catchup", "send", "drained"]):
                case "send":
                    await self.text(text)
                case "catchup":
                    self.frames.write_catchup(text_frame(text.encode()))
                case "write":
                    self.frames.write(text_frame(text.encode()))
                case "drained":
                    await self.frames.drained()
                    self.frames.write(text_frame(text.encode()))

    async def hear(self, rest: str) -> None:
        """All that was said in this room, as catch-up, and from then on live. With `wait`, who speaks waits until it
        is heard here."""
        self.frames.write_catchup(bytes(self.speech.past))
        self.speech.hearers.add(self.frames)
        if rest == "wait":
            self.speech.waited_for.add(self.frames)
        self.frames.take = self.taken

    async def speak(self, rest: str) -> None:
        """`fuzz_texts` of a seed and a count to all who hear, some frames a write, in one loop without an await."""
        seed, count = map(int, rest.split())
        dice = random.Random(-seed)
        for some in batches(fuzz_texts(seed, count), dice):
            self.speech.past += some
            for frames in list(self.speech.hearers):
                frames.write(some)
            await asyncio.sleep(dice.choice([0, 0, 0.001, 0.01]))
            for frames in list(self.speech.waited_for):
                await frames.drained()
        await self.text("said")

    def taken(self, text: str) -> bool:
        """What comes in, as the chat takes it: some at once, with an answer that may wait for live frames to go along
        with; the rest in its turn."""
        if not text.startswith("now "):
            return False
        self.frames.hold(text_frame(text.encode()))
        return True

    async def now(self, rest: str) -> None:
        """One that had to wait behind others."""
        self.taken(f"now {rest}")

    async def both(self, rest: str) -> None:
        """An answer that may wait, and one that may not overtake it."""
        self.taken(f"now {rest}")
        self.frames.write_catchup(text_frame(f"old {rest}".encode()))

    async def close(self, rest: str) -> None:
        """With this code; what comes after it must not be sent."""
        await self.send({"type": "websocket.close", "code": int(rest), "reason": "as you said"})
        await self.text("too late")
        self.frames.write(text_frame(b"too late"))

    async def part(self, rest: str) -> None:
        """With this reason."""
        await self.send({"type": "websocket.close", "code": 1000, "reason": rest})

    async def fail(self, rest: str) -> None:
        raise RuntimeError("as you said")

    async def hang(self, rest: str) -> None:
        await asyncio.sleep(3600)


class Echo:
    """The application: pages that are their path, and sockets."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[Any]] = {}
        self.speeches: dict[str, Speech] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await (self.page if scope["type"] == "http" else self.socket)(scope, receive, send)

    async def page(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            print("slow", flush=True)  # noqa: T201
            await asyncio.sleep(0.5)
        body = b"b" * 2_000_000 if scope["path"] == "/big" else scope["path"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def socket(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        speech = self.speeches.setdefault(path, Speech())
        visit = Visit(scope, send, self.rooms.setdefault(path, set()), speech)
        await receive()
        if path == "/never":
            print("asked for /never", flush=True)  # noqa: T201
            assert (await receive())["type"] == "websocket.disconnect"
            print("left /never", flush=True)  # noqa: T201
            return
        await send({"type": "websocket.accept"})
        visit.room.add(visit.frames)
        try:
            while (event := await receive())["type"] == "websocket.receive":
                verb, _, rest = (event.get("text") or "").partition(" ")
                await getattr(visit, verb)(rest)
        finally:
            visit.room.discard(visit.frames)
            speech.hearers.discard(visit.frames)
            speech.waited_for.discard(visit.frames)
            print("left", path, flush=True)  # noqa: T201

    async def close(self) -> None:
        print("application closed", flush=True)  # noqa: T201


application = Echo()
