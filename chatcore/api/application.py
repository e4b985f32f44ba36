"""Serves the table of operations as an ASGI application: finds the operation, who asks, what is asked, and answers."""

import logging
import time
from typing import Any

from django.urls import is_valid_path

from chatcore import mount
from chatcore.api.answers import Reply, refusal, respond
from chatcore.api.errors import ServerFailed, WrongMethod
from chatcore.api.operations import Operation, Routes
from chatcore.api.origins import cors_headers, is_allowed, preflight
from chatcore.api.parsing import parsed_body, parsed_query
from chatcore.api.requests import Call, Gone, Process, Receive, Scope, Send
from chatcore.api.table import OPERATIONS
from chatcore.credentials import is_local
from chatcore.exceptions import ChatError, NotFound, NotSignedIn, RoomNotFound

logger = logging.getLogger(__name__)

#: Where the API is, seen from the list of rooms.
PLACE = "api/"
#: Seconds that a body may take to come in before who sends it is asked again.
_QUICK_BODY_S = 1.0
_HOW_TO_ASK = "send a token, as Authorization: Bearer TOKEN; who runs this site makes one by chat_token create"


class Api:
    """The API of one process. `answers` says whether a request is for here."""

    def __init__(self, process: Process) -> None:
        self._process, self._routes = process, Routes(OPERATIONS)

    def close(self) -> None:
        """The server begins to stop: who waits or streams is answered."""
        self._process.stopping.set()
        for end in list(self._process.streams):
            end()

    def answers(self, scope: Scope, path: str | None) -> bool:
        """Whether the path below the chat's place is the API's, and no page of the site."""
        if path is None or not path.startswith(PLACE):
            return False
        return bool(self._routes.find(path[len(PLACE) :])[0]) or is_local(scope) or not is_valid_path(scope["path"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Answer one request to this path, which `answers` has let pass."""
        methods, values = self._routes.find(path[len(PLACE) :]) if path.startswith(PLACE) else ({}, [])
        headers = cors_headers(scope)
        call: Call | None = None
        try:
            operation = _operation(scope, methods, path)
            if operation is None:
                await respond(send, preflight(methods), headers=headers)
                return
            parameters = self._routes.parameters(operation, values)
            call = Call(self._process, operation, scope, receive, send, parameters, headers=headers)
            reply = await _obeyed(call)
        except Gone:
            return
        except ChatError as error:
            reply = refusal(error if call is not None and call.local else _for_guests(error))
        except Exception:
            logger.exception("%s failed", f"{scope['method']} {call.operation.path}" if call is not None else "the API")
            reply = refusal(ServerFailed())
        if reply is not None and not (call is not None and call.begun):
            await respond(send, reply, head=scope["method"] == "HEAD", headers=headers)


async def _obeyed(call: Call) -> Reply | None:
    operation = call.operation
    await _identify(call)
    if operation.needs == "read":
        call.process.limits.spend_history(call.actor)
    call.query = parsed_query(call.scope, operation.query)
    if operation.body is not None:
        began = time.monotonic()
        await _read(call)
        if time.monotonic() - began > _QUICK_BODY_S:  # not every server has a limit for that
            await _identify(call)
    return await operation.handle(call)


async def _read(call: Call) -> None:
    """Take the body; one that is refused costs the rate what a message does: it had to be read. ChatError."""
    try:
        call.body = await parsed_body(call)
    except ChatError:
        call.process.limits.spend_message(call.actor)
        raise


async def _identify(call: Call) -> None:
    """Find out who asks, by a token that holds at this moment. NotSignedIn, RateLimited, Unavailable."""
    operation, credentials = call.operation, call.process.credentials
    if operation.needs is not None:
        actor = await credentials.actor(call.scope)
        if actor is None:
            raise NotSignedIn(_HOW_TO_ASK)
        call.actor = actor
    if operation.by_secret:
        call.actor, call.hook_room = await credentials.hook(call.parameters["secret"], call.host)


def _for_guests(error: ChatError) -> ChatError:
    """The error without a remedy that only people of the server's machine have."""
    if isinstance(error, RoomNotFound) and not error.near:
        error.detail = f"no room {error.name} for this token: look at its name, or ask who made the token"
    return error


def _operation(scope: Scope, methods: dict[str, Operation], path: str) -> Operation | None:
    """The operation that is asked for, None for a preflight of CORS. NotFound, WrongMethod."""
    if not methods:
        raise NotFound("address", f"{path[:100]!a}", hint=f"; the operations are listed at {_place()}")
    method: Any = scope["method"]
    if method == "OPTIONS" and is_allowed(scope):
        return None
    operation = methods.get("GET" if method == "HEAD" else method)
    if operation is None:
        allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
        raise WrongMethod(method, allowed)
    return operation


def _place() -> str:
    return mount.rooms_address() + PLACE
