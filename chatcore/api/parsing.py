"""The parameters and the body of a request, read strictly. Whatever is wrong with them is a ChatError that names it."""

from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from chatcore import strict_json
from chatcore.api.errors import BadJson, BodyTooLarge, WrongMediaType
from chatcore.api.requests import Call, Gone, Scope
from chatcore.exceptions import BadRequest

_JSON, _FORM, _TEXT = "application/json", "application/x-www-form-urlencoded", "text/plain"
_MOST_PARAMETERS = 20
_UTF_8 = ("utf-8", "utf8", "us-ascii")


def parsed_query(scope: Scope, wanted: type[msgspec.Struct]) -> Any:
    """The parameters after the `?`. BadRequest."""
    text: bytes = scope.get("query_string", b"")
    if not text:
        return wanted()
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:  # also UnicodeDecodeError
        raise BadRequest("the query is not readable: percent-encode UTF-8, at most 20 parameters") from error
    given = dict(pairs)
    if len(given) < len(pairs):
        raise BadRequest("a parameter of the query comes twice: send each once")
    try:
        found = msgspec.convert(given, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{error} (of the query)") from error
    for attribute, name in zip(wanted.__struct_fields__, wanted.__struct_encode_fields__, strict=True):
        if name in given and getattr(found, attribute) is None:  # msgspec takes `null` for that
            raise BadRequest(f"{name} has no value: leave it out")
    return found


async def parsed_body(call: Call) -> Any:
    """The request's body as the operation wants it. BadRequest, BodyTooLarge, WrongMediaType."""
    operation = call.operation
    assert operation.body is not None
    media, charset = _media(call)
    wanted = [_JSON, *([_TEXT] if operation.text else []), *([_FORM] if operation.text or operation.form else [])]
    if media not in wanted and not (media == "" and operation.text):
        raise WrongMediaType(wanted)
    body = await _whole_body(call, operation.body_bytes)
    if media == _JSON:
        return decoded(operation.body, body)
    if charset not in _UTF_8:
        raise WrongMediaType([f"{media or _TEXT}; charset=utf-8"])
    text = _text(body)
    if operation.text:
        return operation.body(message=text)
    return decoded(operation.body, _payload(text))


def decoded(wanted: type[msgspec.Struct], body: bytes) -> Any:
    """The JSON in the body as this Struct. BadJson; BadRequest with the field that is wrong."""
    try:
        found = _decoder(wanted).decode(body)
        if not strict_json.is_surely_strict(body):
            strict_json.check(body.decode())
    except strict_json.NotStrict as error:
        raise BadJson(f"the body is not JSON: {error.detail}" if error.detail else "the body is not JSON") from error
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadJson("the body is not JSON: send one JSON object in UTF-8") from error
    return found


@cache
def _decoder(wanted: type[msgspec.Struct]) -> "msgspec.json.Decoder[msgspec.Struct]":
    return msgspec.json.Decoder(wanted)


def _media(call: Call) -> tuple[str, str]:
    """The body's media type and charset, in lower case."""
    given, _, parameters = (call.header(b"content-type") or "").partition(";")
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset":
            charset = value.strip('"').lower()
    return given.strip().lower(), charset


async def _whole_body(call: Call, limit: int) -> bytes:
    length = call.header(b"content-length")
    if length is not None and length.isdecimal() and int(length[:20]) > limit:
        raise BodyTooLarge(limit)
    body = bytearray()
    while (message := await call.receive())["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(limit)
        if not message.get("more_body"):
            return bytes(body)
    raise Gone


def _text(body: bytes) -> str:
    """The body as a text, as commands read one: without a byte order mark, and without the line breaks at its end."""
    try:
        return body.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8 (byte {error.start}): send it in UTF-8") from error


def _payload(form: str) -> bytes:
    """The JSON in the form's field `payload`, as Slack's clients send it."""
    try:
        fields = dict(parse_qsl(form, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS))
        return fields["payload"].encode()
    except (KeyError, ValueError) as error:
        raise BadRequest("the form has no field `payload`: put the JSON there") from error
