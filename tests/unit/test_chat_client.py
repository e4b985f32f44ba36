"""`chatcore.testing.ChatClient` with a chat that does not say what a test waits for."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from chatcore import testing


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs a coroutine in a loop of another thread, as the fixture `chat_client` does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _talks_of_people_alone(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    for frame in ("open", "presence"):
        await send({"type": "websocket.send", "text": json.dumps({"type": frame})})
    while (await receive())["type"] != "websocket.disconnect":
        pass


def test_a_message_that_does_not_come_fails_with_what_came_instead(
    run: Callable[[Coroutine[Any, Any, Any]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "DEADLINE_S", 0.1)
    client = testing.ChatClient(run, _talks_of_people_alone, "/ws/chat/test-room/", "")
    with pytest.raises(TimeoutError, match=r"the chat said nothing more within 0\.1 s; it had said: presence"):
        client.message()
    client.close()
