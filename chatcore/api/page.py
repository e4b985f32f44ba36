"""The page of documentation: the OpenAPI document for people, made on the server. It needs no database, no script."""

import json
from functools import lru_cache
from shlex import quote as quote_for_shell
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from chatcore import mount
from chatcore.api.application import PLACE
from chatcore.api.curl import AUTHORIZED, curl
from chatcore.api.examples import TEXT
from chatcore.api.openapi import ABOUT, REFUSALS, document
from chatcore.api.operations import Operation
from chatcore.api.table import OPERATIONS
from chatcore.csp import content_security_policy

Described = dict[str, Any]
_MAKING = "./manage.py chat_token create shop --room newbox --can send,read"


@content_security_policy
@require_safe
def _documentation(request: HttpRequest) -> HttpResponse:
    """What the API offers, with examples that have this site's own address."""
    address = mount.rooms_address() + PLACE
    place = request.build_absolute_uri(quote(address)).rstrip("/")
    return HttpResponse(_rendered(place, address, get_language()))


@lru_cache(maxsize=16)  # it takes a tenth of a second, and is the same for everybody
def _rendered(place: str, address: str, language: str | None) -> str:
    """The page in this language, which is the current one."""
    described = document(place)
    context = {
        "making": _MAKING,
        "lines": _lines(place),
        "document_address": f"{address}openapi.json",
        "about": _paragraphs(ABOUT),
        "operations": [_operation(operation, described, place) for operation in OPERATIONS],
        "shapes": [_shape(name, schema) for name, schema in described["components"]["schemas"].items()],
    }
    return render_to_string("chatcore/api.html", context)


documentation = _documentation
for _alias in settings.DATABASES:
    documentation = transaction.non_atomic_requests(using=_alias)(documentation)


def _lines(place: str) -> list[str]:
    messages, stream = (f"{place}/rooms/newbox/{what}" for what in ("messages", "stream"))
    return [
        f"curl {AUTHORIZED} -d {quote_for_shell(TEXT)} {quote_for_shell(messages)}",
        f"curl {AUTHORIZED} {quote_for_shell(messages + '?limit=10')}",
        f"curl -N {AUTHORIZED} -H 'Accept: application/x-ndjson' {quote_for_shell(stream)}",
    ]


def _operation(operation: Operation, described: Described, place: str) -> Described:
    found = described["paths"][f"/{operation.path}"][operation.method.lower()]
    return {
        "method": operation.method,
        "path": f"/{PLACE}{operation.path}",
        "name": operation.name,
        "summary": operation.summary,
        "description": _paragraphs(operation.description),
        "open": operation.needs is None,
        "parameters": [_parameter(parameter) for parameter in found.get("parameters", ())],
        "bodies": [_body(media, body) for media, body in found.get("requestBody", {}).get("content", {}).items()],
        "answers": [_answer(status, answer) for status, answer in found["responses"].items()],
        "example": curl(operation, place),
    }


def _parameter(parameter: Described) -> Described:
    where = {"path": "in the path", "query": "in the query", "header": "as a header"}[parameter["in"]]
    field = _field(parameter["name"], parameter["schema"], parameter.get("required", False))
    field["type"] = f"{field['type']}, {where}"
    field["text"] = _marked(parameter.get("description", ""))
    return field


def _body(media: str, body: Described) -> Described:
    schema = body["schema"]
    text = _marked(schema.get("description", ""))
    return {"media": media, "text": text, "fields": _fields(schema), "shape": _name(schema)}


def _answer(status: str, answer: Described) -> Described:
    if "$ref" in answer:
        return {"status": status, "shape": "Error", "text": _marked(REFUSALS[int(status)])}
    [media, *others] = answer["content"]
    shape = _name(answer["content"][media]["schema"])
    text = answer["description"] if shape else f"{answer['description']} {' or '.join([media, *others])}"
    return {"status": status, "shape": shape, "text": text}


def _shape(name: str, schema: Described) -> Described:
    return {"name": name, "text": _marked(schema.get("description", "")), "fields": _fields(schema)}


def _fields(schema: Described) -> list[Described]:
    required = schema.get("required", ())
    return [_field(name, part, name in required) for name, part in schema.get("properties", {}).items()]


def _field(name: str, schema: Described, required: bool) -> Described:
    return {
        "name": name,
        "required": required,
        "type": _type(schema),
        "shape": _name(schema) or _name(schema.get("items", {})) or _only_name(schema),
        "text": _marked(schema.get("description", "")),
    }


def _paragraphs(text: str) -> list[SafeString]:
    return [_marked(paragraph) for paragraph in text.split("\n\n") if paragraph]


def _marked(text: str) -> SafeString:
    """The text as HTML, what is between backticks as code."""
    words = [format_html("<code>{}</code>" if odd % 2 else "{}", part) for odd, part in enumerate(text.split("`"))]
    return format_html_join("", "{}", ((word,) for word in words))


def _type(schema: Described) -> str:
    """The type in words."""
    if name := _name(schema):
        return name
    if "anyOf" in schema and "type" not in schema:
        words = " or ".join(_type(option) for option in schema["anyOf"])
    elif "enum" in schema:
        words = " or ".join(json.dumps(value) for value in schema["enum"])
    elif schema.get("type") == "array":
        words = f"list of {_type(schema.get('items', {}))}"
    else:
        words = str(schema.get("format", schema.get("type", "anything")))
    return words + _bounds(schema)


def _bounds(schema: Described) -> str:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    words = ""
    if lowest is not None and highest is not None and highest < 2**53:
        words = f", {lowest} to {highest}"
    elif lowest is not None:
        words = f", {lowest} or more"
    default = schema.get("default")
    return words if default in (None, [], "") else f"{words}; by default {json.dumps(default)}"


def _name(schema: Described) -> str:
    """The name of the shape that is referred to; empty if none is."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _only_name(schema: Described) -> str:
    """The same of a shape or null."""
    names = [_name(option) for option in schema.get("anyOf", ()) if _name(option)]
    return names[0] if len(names) == 1 else ""
