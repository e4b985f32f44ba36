"""A small ASGI application that sends back what it gets, as conformance suites want it: texts on the chat's own short
way in and out, all else on Daphne's."""

from typing import Any

from tests.acceptance.echo import text_frame


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One socket. Nothing is answered at once while something that came before is not."""
    frames = scope["extensions"]["roomline.frames"]

    def take(text: str) -> bool:
        frames.hold(text_frame(text.encode()))
        return True

    await receive()
    await send({"type": "websocket.accept"})
    frames.take = take
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})
