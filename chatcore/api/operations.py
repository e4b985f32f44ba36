"""What an operation of the API is: its address, what it takes and gives. The table of all of them is `table.py`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from chatcore.api.answers import Reply
from chatcore.api.requests import Call

#: Answers the request; None if it has answered by itself, as streams do.
Handle = Callable[[Call], Awaitable[Reply | None]]

#: Bytes that a request's body may have, unless an operation says otherwise.
USUAL_BODY = 1024 * 1024


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """An operation that takes no parameters."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address. Every second part of `path` is a parameter: `rooms/{room}/messages/{seq}`.

    `answers`: by status, the Struct of a JSON answer, `str` for a text, or None for a stream, which has `media`.
    `query` and `body`: Structs that refuse unknown keys. `text`: the body may be the bare text of a message, which
    `body` then gets as its field `message`. `form`: it may be a form with that JSON in its field `payload`. `keyed`:
    the header Idempotency-Key counts. `needs`: what a token must be allowed to do there, `any` if any token will do;
    None: the operation asks for no token. `by_secret`: the path says who asks, as hooks have it. Who reads has his rate
    counted before `handle`; who sends, by `handle`, which knows how much it is.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    name: str
    summary: str
    handle: Handle
    answers: Mapping[int, Any]
    needs: Literal["send", "read", "any"] | None = "read"
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    text: bool = False
    form: bool = False
    by_secret: bool = False
    keyed: bool = False
    body_bytes: int = USUAL_BODY
    media: Sequence[str] = ("application/json",)
    description: str = ""


class Routes:
    """Finds operations by their address."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._at: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            address, _ = _split(operation.path)
            self._at.setdefault(address, {})[operation.method] = operation
        self._names = {operation.path: _split(operation.path)[1] for operation in operations}

    def find(self, path: str) -> tuple[dict[str, Operation], list[str]]:
        """What can be done at this path below the API's place, by method, and the values of its parameters; nothing
        where there is no such address."""
        address, values = _split(path)
        return self._at.get(address, {}), values

    def parameters(self, operation: Operation, values: Sequence[str]) -> dict[str, str]:
        """The parameters in the path, by name."""
        return {name[1:-1]: value for name, value in zip(self._names[operation.path], values, strict=True)}


def _split(path: str) -> tuple[str, list[str]]:
    """The address with a star for each parameter, and the parameters."""
    parts = path.split("/")
    values, parts[1::2] = parts[1::2], ["*"] * (len(parts) // 2)
    return "/".join(parts), values
