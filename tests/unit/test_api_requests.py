"""What is read of a request to the API, and what is refused before anything is done."""

import asyncio
import json
from typing import Any, cast

import msgspec
import pytest

from chatcore import strict_json
from chatcore.api.errors import BadJson, BodyTooLarge, WrongMediaType
from chatcore.api.operations import NoQuery, Operation, Routes
from chatcore.api.parsing import parsed_body, parsed_query
from chatcore.api.requests import Call, Gone, Process, header
from chatcore.api.shapes import Changing, HookMessage, NewMessage, Revision, Writing
from chatcore.api.table import OPERATIONS
from chatcore.exceptions import BadRequest, NotFound

Headers = dict[str, str]
JSON: Headers = {"content-type": "application/json"}
FORM: Headers = {"content-type": "application/x-www-form-urlencoded"}
NAMED = {operation.name: operation for operation in OPERATIONS}


def call(operation: str, *parts: bytes, headers: Headers | None = None, ends: bool = True) -> Call:
    """A request to this operation whose body comes in these parts; `ends`: it comes whole."""
    waiting = list(parts) or [b""]

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting) or not ends}

    scope = {
        "method": "POST", "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }  # fmt: skip
    return Call(cast(Process, None), NAMED[operation], scope, receive, cast(Any, None), {"room": "newbox", "seq": "x"})


def body(*parts: bytes, headers: Headers | None = None, operation: str = "post_message", ends: bool = True) -> Any:
    """What the operation gets of such a body."""
    return asyncio.run(parsed_body(call(operation, *parts, headers=headers, ends=ends)))


def query(text: str, wanted: type[msgspec.Struct] = Writing) -> Any:
    return parsed_query({"query_string": text.encode()}, wanted)


@pytest.mark.parametrize(
    "headers",
    [
        {}, FORM, {"content-type": "text/plain"}, {"content-type": "text/plain; charset=utf-8"},
        {"content-type": 'Text/Plain; charset="UTF-8"'}, {"content-type": "text/plain;charset=us-ascii"},
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_is_the_text(headers: Headers) -> None:
    assert body("a=1&b=ä %41\n".encode(), headers=headers) == NewMessage(message="a=1&b=ä %41")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"\xef\xbb\xbfhi", "hi"),
        (b"a\r\nb\r\n\r\n", "a\nb"),
        (b"  hi  ", "  hi  "),
        (b"", ""),
        (b'{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_text_is_read_as_commands_read_one(sent: bytes, read: str) -> None:
    assert body(sent).message == read


def test_a_body_may_come_in_parts() -> None:
    assert body(b'{"mess', b'age": "', "hä".encode(), b'"}', headers=JSON).message == "hä"


def test_json_says_all_of_a_message() -> None:
    given = {
        "message": "a", "kind": "banner", "title": "t", "priority": 5, "tags": ["x"], "format": "code",
        "url": "https://example.org", "reply_to": 3, "slot": "s", "username": "u", "once": 60, "expires_in": 3600.5,
        "expires_at": "2030-01-01T00:00:00Z", "at": "2030-01-01T00:00:00+02:00", "as": "alice",
    }  # fmt: skip
    read = body(json.dumps(given).encode(), headers=JSON)
    assert msgspec.to_builtins(read) == {**given, "at": "2030-01-01T00:00:00+02:00"}


BAD_JSON = [
    b"", b"{", b"hello", b"[1", b'{"message": "a"} x', b"{'message': 'a'}", b'{"message": "a",}', b"\xff\xfe{}",
    b'{"message": "\xff"}', b'{"message": "a" /* b */}', b'{"message": "a", "priority": NaN}', b"\x00",
    b'{"message": "a", "message": "b"}', b'{"message": "a", "tags": [{"x": 1, "x": 2}]}',
    b'{"message": "a:b", "\\u006dessage": "c"}', b'{"message":"\\u003a","title":"t","title":"t"}',
    b'{"message": "\\ud800"}', b'{"message": "a\nb"}', b'{"a":' * 100_000, b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("sent", BAD_JSON, ids=lambda sent: repr(sent[:30]))
def test_what_is_no_json_is_refused(sent: bytes) -> None:
    with pytest.raises(BadRequest):
        body(sent, headers=JSON)


@pytest.mark.parametrize(
    "sent", [b'{"message": "a", "message": "b"}', b'{"message":"\\u003a","title":"t","title":"t"}']
)
def test_a_key_that_comes_twice_is_named(sent: bytes) -> None:
    with pytest.raises(BadJson, match="comes twice"):
        body(sent, headers=JSON)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "message"), ([], "object"), ("a", "object"), ({"message": None}, r"\$.message"), ({"message": 1}, "str"),
        ({"message": "a", "mesage": "b"}, "mesage"), ({"message": "a", "room": "b"}, "room"),
        ({"message": "a", "kind": "shout"}, "kind"), ({"message": "a", "priority": 6}, "priority"),
        ({"message": "a", "priority": "3"}, "priority"), ({"message": "a", "priority": 10**400}, "priority|int|range"),
        ({"message": "a", "priority": 3.5}, "priority"), ({"message": "a", "priority": True}, "priority"),
        ({"message": "a", "tags": "x"}, "tags"), ({"message": "a", "tags": [1]}, r"tags\[0\]"),
        ({"message": "a", "reply_to": 0}, "reply_to"), ({"message": "a", "reply_to": 2**63}, "reply_to|range"),
        ({"message": "a", "expires_at": "tomorrow"}, "expires_at"),
        ({"message": "a", "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"message": "a", "expires_at": 1795328102}, "expires_at"),
        ({"message": "a", "expires_at": "2030-02-30T00:00:00Z"}, "expires_at"),
        ({"message": "a", "expires_in": 0}, "expires_in"), ({"message": "a", "expires_in": -1}, "expires_in"),
        ({"message": "a", "expires_in": 1e300}, "expires_in"), ({"message": "a", "once": "1h"}, "once"),
        ({"message": "a", "format": "html"}, "format"), ({"message": "a", "key": "k"}, "key"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(given: Any, named: str) -> None:
    with pytest.raises(BadRequest, match=named) as caught:
        body(json.dumps(given).encode(), headers=JSON)
    assert caught.value.code == "bad_field"


@pytest.mark.parametrize(
    "media",
    [
        "text/html", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", "json", "text/plain2",
        "text/plain; charset=latin-1", "text/plain; charset=utf-16", "application/json, text/plain", "*/*",
    ],
)  # fmt: skip
def test_another_type_of_body_is_refused(media: str) -> None:
    with pytest.raises(WrongMediaType):
        body(b"hello", headers={"content-type": media})


@pytest.mark.parametrize("operation", ["edit_message", "post_messages"])
@pytest.mark.parametrize("media", [None, "text/plain", FORM["content-type"]])
def test_only_a_new_message_may_be_a_bare_text(operation: str, media: str | None) -> None:
    with pytest.raises(WrongMediaType):
        body(b"hello", headers={} if media is None else {"content-type": media}, operation=operation)


def test_a_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadRequest, match="UTF-8"):
        body("hä".encode("latin-1"))


@pytest.mark.parametrize("length", ["2000000", "9" * 30])
def test_a_body_that_says_that_it_is_too_large_is_not_read(length: str) -> None:
    with pytest.raises(BodyTooLarge):
        body(b"x", headers={"content-length": length})


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    with pytest.raises(BodyTooLarge):
        body(*[b"x" * 2**16] * 17, ends=False)


def test_several_messages_may_be_larger() -> None:
    text = json.dumps({"messages": [{"room": "a", "message": "x" * 60_000}] * 20}).encode()
    assert len(body(text, headers=JSON, operation="post_messages").messages) == 20


@pytest.mark.parametrize("count", [0, 257])
def test_there_are_so_many_messages_at_once(count: int) -> None:
    given = {"messages": [{"room": "a", "message": "x"}] * count}
    with pytest.raises(BadRequest, match="messages"):
        body(json.dumps(given).encode(), headers=JSON, operation="post_messages")


def test_who_leaves_before_his_request_is_there_is_not_answered() -> None:
    with pytest.raises(Gone):
        body(b"hel", ends=False)


@pytest.mark.parametrize("name", ["content-type", "content-length"])
def test_a_header_that_counts_comes_once(name: str) -> None:
    scope = {"headers": [(name.encode(), b"1"), (name.encode(), b"2")]}
    with pytest.raises(BadRequest, match=name):
        header(scope, name.encode())


def test_the_query_says_how_a_message_is_posted() -> None:
    assert query("dry_run=true&wait=seen:3&timeout=2.5") == Writing(dry_run=True, wait="seen:3", timeout=2.5)
    assert query("") == Writing()
    assert query("as=alice", Changing) == Changing(as_user="alice")


@pytest.mark.parametrize(
    "text",
    [
        "kind=notice", "message=a", "dry_run=maybe", "dry_run=", "wait=sent", "wait=seen:0", "wait=seen:", "timeout=61",
        "timeout=-1", "timeout=nan", "timeout=inf", "timeout=x", "dry_run=true&dry_run=true", "%ff=1", "wait=%ff", "=",
        "&".join(f"a{number}=1" for number in range(30)), "wait=seen:9999999999", "wait=pushed%0a", "a\u00e4=1",
    ],
)  # fmt: skip
def test_a_query_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        query(text)


@pytest.mark.parametrize("text", ["limit=1", "a", "="])
def test_an_operation_without_parameters_takes_none(text: str) -> None:
    with pytest.raises(BadRequest):
        query(text, NoQuery)


@pytest.mark.parametrize(
    "sent", [{"text": "a"}, {"text": "a", "username": "u", "icon_emoji": ":x:", "attachments": []}]
)
def test_a_hook_takes_what_slack_takes(sent: dict[str, Any]) -> None:
    wanted = HookMessage(text="a", username=sent.get("username"))
    assert body(json.dumps(sent).encode(), headers=JSON, operation="post_by_hook") == wanted
    form = b"x=1&payload=" + json.dumps(sent).encode().replace(b" ", b"+")
    assert body(form, headers=FORM, operation="post_by_hook") == wanted


@pytest.mark.parametrize("sent", [b"", b"text=a", b"payload=", b"payload=hello", b"payload=%ff", b"payload={}"])
def test_a_hooks_form_has_a_payload(sent: bytes) -> None:
    with pytest.raises(BadRequest):
        body(sent, headers=FORM, operation="post_by_hook")


@pytest.mark.parametrize("seq", ["0", "-1", "+1", "1.5", "x", "", "٣", "9" * 19, "1 "])
def test_a_number_that_is_none_is_no_message(seq: str) -> None:
    asked = call("edit_message")
    asked.parameters = {"room": "newbox", "seq": seq}
    with pytest.raises(NotFound):
        _ = asked.seq


def test_a_revision_changes_what_is_given() -> None:
    revised = body(b'{"message": "a", "title": null}', headers=JSON, operation="edit_message")
    assert revised == Revision(message="a", title=None)
    assert revised.url is msgspec.UNSET


@pytest.mark.parametrize("sent", ['{"a": {"b": 1, "b": 2}}', '{"a:b": 1, "a:b": 2}', '[{"\\u003a": 1, "\\u003a": 1}]'])
def test_no_key_that_comes_twice_passes_for_strict(sent: str) -> None:
    assert not strict_json.is_surely_strict(sent.encode())
    with pytest.raises(strict_json.NotStrict, match="twice"):
        strict_json.check(sent)


def test_a_key_that_comes_twice_is_found_among_very_many() -> None:
    """Without comparing each with each, for which a client could keep a server busy."""
    sent = json.dumps({f"k{number}": 0 for number in range(100_000)})[:-1] + ', "k99999": 1}'
    with pytest.raises(strict_json.NotStrict, match="k99999"):
        strict_json.check(sent)


@pytest.mark.parametrize("sent", ["{}", '{"a": "b:c", "d:e": [{"f": ":"}]}', "1", '":"', '{"a": null}'])
def test_most_json_is_seen_to_be_strict_at_once(sent: str) -> None:
    assert strict_json.is_surely_strict(sent.encode())
    strict_json.check(sent)


async def _nothing(asked: Call) -> None:
    """Does nothing."""


ROUTES = Routes(
    [
        Operation("GET", "rooms", "a", "a", _nothing, {}), Operation("GET", "rooms/{room}", "b", "b", _nothing, {}),
        Operation("POST", "rooms/{room}/messages", "c", "c", _nothing, {}),
        Operation("GET", "rooms/{room}/messages/{seq}", "d", "d", _nothing, {}),
        Operation("DELETE", "rooms/{room}/messages/{seq}", "e", "e", _nothing, {}),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("rooms", "a"), ("rooms/x", "b"), ("rooms/x/messages", "c"), ("rooms/x/messages/7", "de"), ("rooms/", "b"),
        ("", ""), ("room", ""), ("rooms/x/", ""), ("rooms/x/messages/7/8", ""), ("Rooms", ""), ("rooms/x/members", ""),
    ],
)  # fmt: skip
def test_an_address_is_found_by_its_whole_path(path: str, names: str) -> None:
    assert "".join(operation.name for operation in ROUTES.find(path)[0].values()) == names


def test_an_address_has_its_parameters() -> None:
    found, values = ROUTES.find("rooms/*/messages/7")
    assert ROUTES.parameters(found["GET"], values) == {"room": "*", "seq": "7"}


def test_every_operation_is_found_by_its_own_path() -> None:
    routes = Routes(OPERATIONS)
    for operation in OPERATIONS:
        assert routes.find(operation.path)[0][operation.method] is operation
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
