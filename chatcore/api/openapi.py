"""The OpenAPI document (https://spec.openapis.org/oas/v3.1.1), made of the table of operations and nothing else."""

import asyncio
from functools import cache
from typing import Any
from urllib.parse import quote

from django.conf import settings

from chatcore.api.answers import Reply
from chatcore.api.examples import EXAMPLES, PARAMETERS, TEXT
from chatcore.api.operations import Operation
from chatcore.api.requests import Call
from chatcore.api.schemas import Schema, fields, schema_of, schemas
from chatcore.api.shapes import Error

_JSON, _FORM, _TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain"
ABOUT = """A token goes into the header `Authorization: Bearer TOKEN`, or is the password of Basic under any name.

Every answer is JSON unless it says otherwise, and every refusal is `{"type": "error", "code", "detail"}`: `code` is \
stable and for programs, `detail` says what is wrong and what to do. Keys may be added to answers; none is removed.

HEAD answers as GET does, without the body. Another method than those listed gets 405, an unknown address 404."""
#: What refusals of each status mean.
REFUSALS = {
    400: "The request is not of the form it must have: `detail` names the parameter or the key.",
    401: "No token, or none that holds: unknown, expired or revoked.",
    403: "The token may not do this, or the room is archived.",
    404: "There is no such room or message, or none that the token may know of.",
    409: "The Idempotency-Key was used for something else.",
    413: "The text or the body is too long.",
    415: "The body is of a type that is not read here.",
    429: "Too much for now: try again after `retry_after` seconds.",
    503: "The database does not answer. Nothing was stored, unless `code` is `unknown`; a repeat under the same "
    "Idempotency-Key is safe.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat safe: what was stored under the same key is answered, and not stored again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "example": "order-7",
}


def document(server: str) -> dict[str, Any]:
    """The document for an API whose address is `server`, without a slash at its end. It is not to be changed."""
    return {**_contents(), "servers": [{"url": server}]}


@cache  # it takes a tenth of a second
def _contents() -> dict[str, Any]:
    from chatcore.api.table import OPERATIONS as ALL  # some of which are ours

    answers = [kind for operation in ALL for kind in operation.answers.values() if kind not in (None, str)]
    bodies = [operation.body for operation in ALL if operation.body is not None]
    paths: dict[str, dict[str, Any]] = {}
    for operation in ALL:
        paths.setdefault(f"/{operation.path}", {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Roomline HTTP API", "version": "1", "description": ABOUT},
        "security": [{"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "schemas": schemas([*answers, Error], bodies),
            "responses": {str(status): _refusal(status) for status in REFUSALS},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token: `rl_ID_SECRET`."},
                "basic": {"type": "http", "scheme": "basic", "description": "A token as the password, any name."},
            },
        },
    }


def refusals(operation: Operation) -> list[int]:
    """The statuses of the refusals that the operation may answer with."""
    wanted = {400: True, 401: operation.needs is not None or "secret" in operation.path}
    wanted[403] = operation.needs in ("read", "send")
    wanted[404] = "{" in operation.path or operation.method == "POST"
    wanted[409] = operation.keyed or operation.path == "messages"
    wanted[413] = wanted[415] = operation.body is not None
    wanted[429] = wanted[503] = wanted[401]
    return [status for status, may_be in wanted.items() if may_be]


def _operation(operation: Operation) -> dict[str, Any]:
    answers = {str(status): _answer(operation, status, kind) for status, kind in sorted(operation.answers.items())}
    answers.update({str(code): {"$ref": f"#/components/responses/{code}"} for code in refusals(operation)})
    described = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": _parameters(operation),
        "responses": answers,
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation)}
    if operation.needs is None:
        described["security"] = []
    return {key: value for key, value in described.items() if value or key == "security"}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in operation.path.split("/"):
        if part.startswith("{"):
            found.append({"name": part[1:-1], "in": "path", "required": True, **PARAMETERS[part[1:-1]]})
    for name, (schema, required) in fields(operation.query).items():
        text, kept = schema.pop("description", ""), _without_null(schema)
        text = " ".join(f"{part.rstrip('.')}." for part in (text, kept.pop("description", "")) if part)
        found.append({"name": name, "in": "query", "required": required, "description": text, "schema": kept})
    return [*found, _KEY] if operation.keyed else found


def _without_null(schema: Schema) -> Schema:
    """What can be in a query, where nothing is said by leaving a parameter out."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    option: Schema = options[0]
    return option


def _content(operation: Operation) -> dict[str, Any]:
    assert operation.body is not None
    content = {_JSON: _with_example(operation.body)}
    if operation.text:
        schema = {"type": "string", "minLength": 1, "description": "The text of the message."}
        content = {_TEXT: {"schema": schema, "example": TEXT}, **content}
    if operation.form:
        payload = {"type": "string", "contentMediaType": _JSON, "description": "The same JSON, as Slack's clients do."}
        content[_FORM] = {"schema": {"type": "object", "properties": {"payload": payload}, "required": ["payload"]}}
    return content


def _answer(operation: Operation, status: int, kind: Any) -> dict[str, Any]:
    if kind is None or kind is str:
        media = operation.media if kind is None else (_TEXT,)
        return {"description": MEANINGS[status], "content": {name: {"schema": {"type": "string"}} for name in media}}
    return {"description": MEANINGS[status], "content": {_JSON: _with_example(kind)}}


def _with_example(kind: Any) -> dict[str, Any]:
    name = getattr(kind, "__name__", "")
    return {"schema": schema_of(kind)} | ({"example": EXAMPLES[name]} if name in EXAMPLES else {})


#: What other answers mean.
MEANINGS = {
    200: "Done.",
    201: "Stored.",
    202: "It will be sent at its time.",
}


def _refusal(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": REFUSALS[status], "content": {_JSON: {"schema": schema_of(Error)}}}
    if status in _HEADERS:
        described["headers"] = _HEADERS[status]
    return described


async def show_document(call: Call) -> Reply:
    """The document itself."""
    return Reply(await asyncio.to_thread(document, _server(call.scope)))


def _server(scope: dict[str, Any]) -> str:
    """The API's path as the client has it, which some servers give without the path of the application."""
    root = (settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")).rstrip("/")
    path: str = scope["path"].rpartition("/")[0]
    return quote(path if path.startswith(f"{root}/") else root + path)


OPERATIONS = (
    Operation(
        "GET", "openapi.json", "show_document", "Read this document", show_document,
        answers={200: dict[str, Any]}, needs=None,
    ),
)  # fmt: skip
