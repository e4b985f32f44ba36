"""A small ASGI application for tests of the server alone: it echoes, broadcasts, closes and fails when it is told to."""

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


class Echo:
    """A path is a room. A message is a verb, a blank and the rest."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[Any]] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == "/slow":
                print("slow", flush=True)  # noqa: T201
                await asyncio.sleep(0.5)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            body = b"b" * 2_000_000 if scope["path"] == "/big" else scope["path"].encode()
            await send({"type": "http.response.body", "body": body})
            return
        frames, room = scope["extensions"]["roomline.frames"], self.rooms.setdefault(scope["path"], set())
        await receive()
        if scope["path"] == "/refused":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        room.add(frames)
        try:
            while (event := await receive())["type"] == "websocket.receive":
                await self.obey(event, scope, send)
        finally:
            room.discard(frames)
            print("left", scope["path"], flush=True)  # noqa: T201

    async def obey(self, event: dict[str, Any], scope: dict[str, Any], send: Any) -> None:
        frames, room = scope["extensions"]["roomline.frames"], self.rooms[scope["path"]]
        verb, _, rest = (event.get("text") or "").partition(" ")
        if verb == "echo":
            await send({"type": "websocket.send", "text": rest})
        elif verb == "size":
            await send({"type": "websocket.send", "text": "x" * int(rest)})
        elif verb == "binary":
            await send({"type": "websocket.send", "bytes": rest.encode()})
        elif verb == "all":
            for outbox in list(room):
                outbox.write(text_frame(rest.encode()))
        elif verb == "flood":  # so many frames of 10 kB to all, as fast as the one who asks can read them
            for number in range(int(rest)):
                frame = text_frame(b"%06d" % number + b"." * 10_000)
                for outbox in list(room):
                    outbox.write(frame)
                await frames.drained()
        elif verb == "catchup":  # so many bytes, and then how much waited
            frames.write_catchup(text_frame(b"c" * int(rest)))
            waited = frames.pending
            await frames.drained()
            await send({"type": "websocket.send", "text": f"{waited} {frames.pending}"})
        elif verb == "fuzz":  # a seed and how many texts, by all the ways that there are
            seed, count = map(int, rest.split())
            dice = random.Random(-seed)
            for text in fuzz_texts(seed, count):
                way = dice.choice(["write", "catchup", "send", "drained"])
                if way == "drained":
                    await frames.drained()
                if way == "send":
                    await send({"type": "websocket.send", "text": text})
                elif way == "catchup":
                    frames.write_catchup(text_frame(text.encode()))
                else:
                    frames.write(text_frame(text.encode()))
        elif verb == "close":
            await send({"type": "websocket.close", "code": int(rest), "reason": "as you said"})
            await send({"type": "websocket.send", "text": "too late"})
            frames.write(text_frame(b"too late"))
        elif verb == "root":
            await send({"type": "websocket.send", "text": scope["root_path"]})
        elif verb == "fail":
            raise RuntimeError("as you said")
        elif verb == "hang":
            await asyncio.sleep(3600)

    async def close(self) -> None:
        print("application closed", flush=True)  # noqa: T201


application = Echo()
