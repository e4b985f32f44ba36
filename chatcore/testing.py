"""For the tests of a site that has the chat: a pytest plugin with the fixtures `chat_room` and `chat_client`.

In the site's conftest.py, beside pytest-django: `pytest_plugins = ["chatcore.testing"]`. No server and no broker are
needed: the live chat runs in a thread of the test's own process, on the test's database.
"""

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from django.conf import settings as django_settings
from django.test import Client as Browser

T = TypeVar("T")
Frame = dict[str, Any]

#: Seconds that a client waits for what it expects, on however slow a machine.
DEADLINE_S = 20.0
_LAYER = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
_NAME = "test-room"


class Refused(Exception):
    """The chat has refused something: `code` is the error's (docs/protocol.md), `frame` all that it said."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(f"{frame.get('code')}: {frame.get('detail')}")
        self.code, self.frame = frame.get("code"), frame


class ChatClient:
    """Somebody's page in a room, without the page: a full client of the protocol. Each call waits for its answer."""

    def __init__(
        self, run: Callable[[Coroutine[Any, Any, Any]], Any], application: Any, path: str, cookie: str
    ) -> None:
        self._run, self._application = run, application
        self._numbers = itertools.count(1)
        self._kept: list[Frame] = []
        self._scope: Frame = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"v=1", "root_path": "",
            "headers": [(b"host", b"testserver"), (b"cookie", cookie.encode())], "subprotocols": [], "extensions": {},
            "client": None,
        }  # fmt: skip
        #: The `open` frame: who one is, and what the room is.
        self.opened: Frame = run(self._open())

    def send(self, text: str, **keys: Any) -> Frame:
        """Post a message, with any further keys of the protocol's `send`; the `sent` frame. Raises Refused."""
        client_id = f"test-{next(self._numbers)}"
        self.say(type="send", client_id=client_id, message=text, **keys)
        return self.until(lambda frame: frame.get("client_id") == client_id and frame["type"] == "sent")

    def message(self) -> Frame:
        """The next message of the room, one's own too."""
        return self.until(lambda frame: frame["type"] == "message")

    def say(self, **frame: Any) -> None:
        """Send any frame of the protocol, and wait for nothing."""
        self._run(self._to_server.put({"type": "websocket.receive", "text": json.dumps(frame)}))

    def frame(self) -> Frame:
        """The next frame of any kind that was not looked at yet; Refused when the chat has closed the socket."""
        if self._kept:
            return self._kept.pop(0)
        found: Frame = self._run(self._frame())
        return found

    def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The first frame that is wanted; what came before it stays to be looked at. Raises Refused at an `error`."""
        for number, kept in enumerate(self._kept):
            if wanted(kept):
                return self._kept.pop(number)
        while True:
            frame: Frame = self._run(self._frame())
            if wanted(frame):
                return frame
            if frame["type"] == "error":
                raise Refused(frame)
            self._kept.append(frame)

    def close(self) -> None:
        """Leave."""
        self._run(self._leave())

    async def _open(self) -> Frame:
        self._to_server: asyncio.Queue[Frame] = asyncio.Queue()
        self._from_server: asyncio.Queue[Frame] = asyncio.Queue()
        self._task = asyncio.create_task(self._application(self._scope, self._to_server.get, self._from_server.put))
        await self._to_server.put({"type": "websocket.connect"})
        await self._to_server.put({"type": "websocket.receive", "text": '{"type": "hello"}'})
        try:
            async with asyncio.timeout(DEADLINE_S):
                event = await self._from_server.get()
                assert event["type"] == "websocket.accept", event
                frame = await self._frame()
            if frame["type"] == "error":
                raise Refused(frame)
        except BaseException:
            await self._leave()
            raise
        return frame

    async def _frame(self) -> Frame:
        try:
            async with asyncio.timeout(DEADLINE_S):
                event = await self._from_server.get()
        except TimeoutError:
            said = ", ".join(frame["type"] for frame in self._kept) or "nothing"
            raise TimeoutError(f"the chat said nothing more within {DEADLINE_S:g} s; it had said: {said}") from None
        if event["type"] == "websocket.close":
            raise Refused({"code": event.get("code"), "detail": "the chat has closed the socket"})
        frame: Frame = json.loads(event["text"])
        return frame

    async def _leave(self) -> None:
        await self._to_server.put({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(self._task, return_exceptions=True)


class LiveChat:
    """The live chat of one process, in a thread with an event loop."""

    def __init__(self) -> None:
        from chatcore.routing import chat_application

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chat-test", daemon=True)
        self._thread.start()
        self._application = chat_application(http=_no_pages)
        self._clients: list[ChatClient] = []

    def client(self, user: Any, room: str) -> ChatClient:
        """A client of this user, or of a guest if that is None."""
        from chatcore.mount import socket_address

        browser = Browser()
        if user is not None:
            browser.force_login(user)
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        client = ChatClient(self._run, self._application, socket_address(room), cookie)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Let everybody leave and end."""
        for client in self._clients:
            client.close()
        self._run(self._application.settle())
        self._run(self._application.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * DEADLINE_S)


async def _no_pages(scope: Frame, receive: Any, send: Any) -> None:
    raise NotImplementedError("this is only for sockets: use django.test.Client for pages")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test with these fixtures may use all databases: the chat may have one of its own."""
    wanted = {"chat_room", "chat_client"} & set(getattr(item, "fixturenames", ()))
    if wanted and item.get_closest_marker("django_db") is None:
        item.add_marker(pytest.mark.django_db(transaction="chat_client" in wanted, databases="__all__"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """pytest-django's: SQLite's test databases lie in files, for in memory threads cannot wait for each other."""
    for alias, entry in django_settings.DATABASES.items():
        if entry["ENGINE"].endswith("sqlite3") and not entry.get("TEST", {}).get("NAME"):
            entry.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("chat") / f"{alias}.sqlite3")


@pytest.fixture
def chat_room(db: None) -> Any:
    """A public room, as `chatcore.history.RoomView`: `chat_room.name`."""
    from chatcore import services

    return services.create_room(_NAME).room


@pytest.fixture
def chat_client(request: pytest.FixtureRequest, transactional_db: None, settings: Any) -> Iterator[Any]:
    """`chat_client(user)` comes into `chat_room` as that user and returns a ChatClient; `chat_client(user, "ops")` into
    another room; None is a guest. Needs a database of which other threads see what was committed (transactional_db).
    """
    from chatcore import conf

    settings.CHANNEL_LAYERS = {**getattr(settings, "CHANNEL_LAYERS", {}), conf.settings.CHANNEL_LAYER: _LAYER}
    chat = LiveChat()
    yield lambda user, room=None: chat.client(user, room or request.getfixturevalue("chat_room").name)
    chat.close()
