"""What a handshake may be like, and what becomes of it: an answer that says why, a line in the log for each WebSocket
that is refused, no traceback, and a server that goes on.

The rule for lines: a WebSocket that is refused with an HTTP status is one line, which says what was wrong, and where
from. What is no HTTP (control bytes, and what is too long) and pages that are refused or not there are none, as anybody
can ask for them all day; nor is a socket that is accepted, told why in an `error` frame, and closed.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.wire import CLOSE, KEY, Wire
from tests.waiting import wait_until

pytestmark = pytest.mark.runchat("what its server answers and logs")

#: By whom a handshake is refused that names another host, or is none: by the chat, or before it.
BAD = (400, 403)
HERE = b"127.0.0.1:%d"
CONTROLS = [0x00, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B, 0x1C, 0x1D, 0x1E, 0x7F, 0x85, 0xFF]
#: Of those, the ones that HTTP does not know within a value (RFC 9110, section 5.5), or the server does not.
NO_HTTP = [byte for byte in CONTROLS if byte not in (0x1B, 0x7F, 0xFF)]
SPOIL = """
from datetime import timedelta
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.utils import timezone
keys = dict(zip({names!r}, {keys!r}))
def session(name): return Session.objects.filter(session_key=keys[name])
def user(name): return get_user_model().objects.filter(username=name)
session("expired").update(expire_date=timezone.now() - timedelta(seconds=1))
session("ended").delete()
session("garbled").update(session_data="garbage")
user("deleted").delete()
user("switched-off").update(is_active=False)
user("another-password").update(password="!")
"""
NAMES = ("alive", "expired", "ended", "garbled", "deleted", "switched-off", "another-password")
_fences = count(1)


@dataclass(frozen=True)
class Case:
    """A request; `HOST` in it is the site's own. `answers`: the status, or the code with which the socket is closed
    after its `error` frame, or 101 for one that is let in. `said` is what the log's one line has; None is no line."""

    name: str
    request: bytes
    answers: int | tuple[int, ...]
    said: str | None = None


def upgrade(
    path: bytes = b"/ws/chat/newbox/?v=1", *more: bytes, host: bytes = b"HOST", start: bytes = b"GET %s HTTP/1.1"
) -> bytes:
    """A handshake with these further lines."""
    lines = [start % path if b"%s" in start else start, b"Host: " + host, b"Upgrade: websocket", b"Connection: Upgrade"]
    lines += [b"Sec-WebSocket-Key: " + KEY.encode(), b"Sec-WebSocket-Version: 13", *more]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def get(path: bytes, *more: bytes, host: bytes = b"HOST") -> bytes:
    """An ordinary request."""
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: " + host, *more]) + b"\r\n\r\n"


def origin(*values: bytes) -> bytes:
    return upgrade(b"/ws/chat/newbox/?v=1", *(b"Origin: " + value for value in values))


def origins() -> Iterator[Case]:
    for value in (
        b"https://evil.example", b"http://evil-HOST", b"http://127.0.0.1",
        b"http://127.0.0.1.evil.example", b"http://localhost:1", b"https://xn--l8j.example", b"http://127.1:80",
        b"http://2130706433", b"http://[::1]",
    ):  # fmt: skip
        yield Case(f"origin {value.decode()}", origin(value), 403, f"Origin '{value.decode()}' is not '127.0.0.1:")
    yield Case("origin null", origin(b"null"), 403, "Origin 'null' is not")
    for value in (
        b"http://HOST.evil.example",
        b"file://",
        b"HOST",
        b"//HOST",
        b"http://HOST/",
        b"http://me@HOST",
        b"javascript:alert(1)",
        b"\x1b[2J",
    ):
        yield Case(f"origin {value!r}", origin(value), BAD, "refused a WebSocket")
    yield Case("origin twice", origin(b"http://HOST", b"http://HOST"), BAD, "refused a WebSocket")
    yield Case("origin of two", origin(b"http://HOST, https://evil.example"), BAD, "refused a WebSocket")
    yield Case("own origin", origin(b"http://HOST"), 4401)
    yield Case("no origin", upgrade(), 4401)


def hosts() -> Iterator[Case]:
    for host in (b"evil.example", b"evil.example:80", b"127.0.0.1.evil.example", b"127.0.0.2"):
        yield Case(f"host {host.decode()}", upgrade(host=host), 403, f"Host '{host.decode()}' is not this site's")
        same = b"Origin: http://" + host
        yield Case(
            f"host and origin {host.decode()}", upgrade(b"/ws/chat/newbox/", same, host=host), 403, "is not this"
        )
        yield Case(f"page of host {host.decode()}", get(b"/", host=host), 400)
    yield Case("forwarded host", upgrade(b"/ws/chat/newbox/", b"X-Forwarded-Host: evil.example"), 4401)
    yield Case("no host", upgrade().replace(b"Host: HOST\r\n", b""), 400, "Host header missing")
    yield Case("two hosts", upgrade(b"/ws/chat/newbox/", b"Host: evil.example"), BAD, "refused a WebSocket")
    yield Case("host with a port of letters", upgrade(host=b"127.0.0.1:x"), 400, "invalid port")


def controls() -> Iterator[Case]:
    for byte in CONTROLS:
        raw, name = bytes([byte]), f"{byte:02x}"
        whole, value = 400 if byte in NO_HTTP else 4401, b"a" + raw + b"b"
        for header in (b"X-Any", b"Cookie", b"Sec-WebSocket-Extensions", b"X-Forwarded-For", b"User-Agent"):
            line = header + b": " + value
            yield Case(f"{name} in {header.decode()}", upgrade(b"/ws/chat/newbox/", line), whole)
        yield Case(f"{name} in a header's name", upgrade(b"/ws/chat/newbox/", b"X" + raw + b"Y: 1"), 400)
        yield Case(f"{name} in a path", upgrade(b"/ws/chat/" + value + b"/"), (4401, 4404) if byte == 0x7F else 400)
        yield Case(f"{name} in a page's path", get(b"/chat/" + value + b"/"), (302, 404) if byte == 0x7F else 400)
        said = None if byte in NO_HTTP else "refused a WebSocket"
        yield Case(f"{name} in Host", upgrade(host=b"HOST" + raw), BAD, said)
        yield Case(f"{name} in Origin", origin(b"http://HOST" + raw), BAD, said)


def paths() -> Iterator[Case]:
    for path in (
        b"..", b"%2e%2e", b"%00", b"%ff", b"new%0abox", b"new%2fbox", b"%E2%80%AE", b"<script>", b"x" * 5000, b"-rf",
        b"nowhere",
    ):  # fmt: skip
        yield Case(f"room {path[:20]!r}", upgrade(b"/ws/chat/" + path + b"/?v=1"), (4401, 4404))
        yield Case(f"page {path[:20]!r}", get(b"/chat/" + path + b"/"), (302, 404))
    for path in (b"/", b"/ws/", b"/ws/chat/", b"/ws/chat/newbox", b"/nothing", b"/ws/chat/newbox/more/"):
        yield Case(f"socket at {path.decode()}", upgrade(path), 4404)
    for path in (
        b"/nothing", b"/../../etc/passwd", b"/static/../../manage.py", b"/static/%2e%2e/%2e%2e/manage.py", b"/%00",
        b"/static/%00", b"/static/%ff", b"/static//etc/passwd", b"/static/..%5c..%5cmanage.py",
    ):  # fmt: skip
        yield Case(f"page {path.decode()}", get(path), 404)
    yield Case("path too long", upgrade(b"/ws/chat/" + b"x" * 20_000 + b"/"), 431)
    yield Case("query of garbage", upgrade(b"/ws/chat/newbox/?v=1&number=%ff%00&v=&&=&%"), 4401)
    yield Case("absolute address", upgrade(b"http://evil.example/ws/chat/newbox/"), 4401)


def forms() -> Iterator[Case]:
    whole = upgrade()
    said = "refused a WebSocket"
    yield Case("no key", whole.replace(b"Sec-WebSocket-Key: " + KEY.encode() + b"\r\n", b""), 400, said)
    yield Case("a key too short", whole.replace(KEY.encode(), b"abc="), 400, said)
    yield Case("no version", whole.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 400, said)
    yield Case("version 12", whole.replace(b"Version: 13", b"Version: 12"), 400, said)
    yield Case("POST", upgrade(start=b"POST %s HTTP/1.1"), 405, said)
    yield Case("a method of its own", upgrade(start=b"HACK %s HTTP/1.1"), 405, said)
    yield Case("no method", upgrade(start=b"%s"), 400)
    yield Case("HTTP/9.9", upgrade(start=b"GET %s HTTP/9.9"), 400)
    yield Case("no connection header", whole.replace(b"Connection: Upgrade\r\n", b""), 400, said)
    yield Case("a body of no size", upgrade(b"/ws/chat/newbox/", b"Content-Length: -1"), 400)
    frames, said = b"\x81\x80\0\0\0\0" * 10, "400, its handshake has a body"
    yield Case("a body", upgrade(b"/ws/chat/newbox/", b"Content-Length: %d" % len(frames)) + frames, 400, said)
    yield Case("a body to come", upgrade(b"/ws/chat/newbox/", b"Content-Length: 15000000"), 400, said)
    chunked = upgrade(b"/ws/chat/newbox/", b"Transfer-Encoding: chunked") + b"6\r\n" + frames[:6] + b"\r\n0\r\n\r\n"
    yield Case("a body in chunks", chunked, 400, said)
    yield Case("no body, said so", upgrade(b"/ws/chat/newbox/", b"Content-Length: 0"), 4401)
    yield Case("a cookie of 20 kB", upgrade(b"/ws/chat/newbox/", b"Cookie: a=" + b"x" * 20_000), 431)
    yield Case("a page with a cookie of 20 kB", get(b"/", b"Cookie: a=" + b"x" * 20_000), 431)
    yield Case(
        "a thousand headers", upgrade(b"/ws/chat/newbox/", *(b"X-%d: 1" % number for number in range(1000))), 400
    )
    cookies = b"Cookie: " + b"; ".join(b"c%d=1" % number for number in range(1200))
    yield Case("a thousand cookies", upgrade(b"/ws/chat/newbox/", cookies), 4401)
    yield Case("a session's key of 10 kB", upgrade(b"/ws/chat/newbox/", b"Cookie: sessionid=" + b"x" * 10_000), 4401)


def sessions() -> Iterator[Case]:
    for name in NAMES:
        cookie, said = b"Cookie: SESSION-" + name.encode(), "Session data corrupted" if name == "garbled" else None
        yield Case(f"session: {name}", upgrade(b"/ws/chat/newbox/", cookie), 101 if name == "alive" else 4401, said)
    forged = b"Cookie: sessionid=" + b"a" * 32
    yield Case("session: forged", upgrade(b"/ws/chat/newbox/", forged), 4401)
    for value in (b"", b"%00", b"../../etc/passwd", b"' OR 1=1 --", b'"\\"', b'"\\000' + b"a" * 32 + b'"'):
        yield Case(f"session: {value!r}", upgrade(b"/ws/chat/newbox/", b"Cookie: sessionid=" + value), 4401)


CASES = [*origins(), *hosts(), *controls(), *paths(), *forms(), *sessions()]


@pytest.fixture(scope="module")
def cookies(shared_site: ChatSite) -> dict[str, str]:
    """A session for each name, which is what its name says."""
    assert shared_site.manage("create_room", "newbox").returncode == 0
    cookies = shared_site.sign_in(*NAMES)
    keys = [cookie.partition("=")[2] for cookie in cookies]
    done = shared_site.manage("shell", "-v0", "-c", SPOIL.format(names=NAMES, keys=keys))
    assert done.returncode == 0, done.stderr
    return dict(zip(NAMES, cookies, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_handshake_gets_its_answer_and_a_refused_socket_one_line_in_the_log(
    shared_site: ChatSite, cookies: dict[str, str], case: Case
) -> None:
    site = shared_site
    raw = case.request.replace(b"HOST", HERE % site.port)
    for name, cookie in cookies.items():
        raw = raw.replace(b"SESSION-" + name.encode() + b"\r\n", cookie.encode() + b"\r\n")
    before = len(site.stderr)
    with Wire(site.host, site.port) as wire:
        with suppress(ConnectionError):  # refused before all of it was sent
            wire.socket.sendall(raw)
        found = answer(wire)
    assert found in (case.answers if isinstance(case.answers, tuple) else (case.answers,))
    lines = said_since(site, before)
    assert not [line for line in lines if "Traceback" in line or not line.isprintable()], lines
    assert len(lines) == (case.said is not None), lines
    for line in lines:
        assert "WARNING" in line
        assert "127.0.0.1" in line or case.name == "session: garbled"
        assert (case.said or "").replace("HOST", f"127.0.0.1:{site.port}") in line


def answer(wire: Wire) -> int:
    """The status; of a socket that is accepted, the code with which it is closed after an error frame."""
    head = wire.head()
    status = int(head.split(b" ", 2)[1])
    if status != 101:
        return status
    wire.send('{"message": ""}')  # who is in gets an error frame for it, and may stay
    assert json.loads(wire.text())["type"] == "error"
    wire.send(b"\x03\xe8", CLOSE)
    code = wire.close_code()
    return status if code == 1000 else code or 0


def said_since(site: ChatSite, before: int) -> list[str]:
    """The log's lines since then: one that is known to come now ends them."""
    fence = f"fence-{next(_fences)}.invalid"
    with Wire(site.host, site.port) as wire:
        wire.socket.sendall(upgrade(host=fence.encode()))
        assert wire.head().startswith(b"HTTP/1.1 403 ")
    wait_until(lambda: fence in site.stderr[before:], "the fence in the log")
    return [line for line in site.stderr[before:].splitlines() if fence not in line]
