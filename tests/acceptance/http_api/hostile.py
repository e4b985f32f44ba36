"""Requests that no decent client sends, as bytes, and what each of them is answered."""

from collections.abc import Iterator
from dataclasses import dataclass

STORED = b"must not be stored"
TARGET = b"/api/rooms/hostile/messages"
#: What an answer may be where only the connection's end is sure.
CUT = (0, 400)


@dataclass(frozen=True)
class Case:
    """A request, in which HOST and TOKEN stand for what they are; the status, 0 if the connection is only closed."""

    name: str
    request: bytes
    status: int | tuple[int, ...]
    #: Whether the client ends its side after this.
    ends: bool = False


def post(*lines: bytes, body: bytes = STORED, target: bytes = TARGET, length: bool = True) -> bytes:
    """A good request, but for these lines; `length=False` leaves Content-Length to them."""
    head = [b"POST " + target + b" HTTP/1.1", b"Host: HOST", b"Authorization: Bearer TOKEN", *lines]
    head.append(b"Connection: close")
    if length:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body, length=False)


def json(body: bytes) -> bytes:
    return post(b"Content-Type: application/json", body=body)


def heads() -> Iterator[Case]:
    yield Case("a header of 100 kB", post(b"X-Long: " + b"x" * 100_000), (400, 431))
    yield Case("a token of 100 kB", post().replace(b"TOKEN", b"TOKEN" + b"x" * 100_000), (400, 401, 431))
    yield Case("a thousand headers", post(*(b"X-%d: y" % number for number in range(1000))), (400, 431))
    yield Case("an address of 100 kB", post(target=b"/api/" + b"x" * 100_000), (400, 414, 431))
    yield Case("a room of 10 kB", post(target=b"/api/rooms/" + b"x" * 10_000 + b"/messages"), (400, 404))
    for raw in (b"\x00", b"\x01", b"\x0b", b"\x0c", b"\x1b", b"\x7f", b"\x85", b"\xff"):
        name = raw.hex()
        yield Case(f"{name} in Authorization", post().replace(b"TOKEN", b"TO" + raw + b"KEN"), (400, 401))
        yield Case(f"{name} in Idempotency-Key", post(b"Idempotency-Key: a" + raw + b"b", body=b" "), 400)
        yield Case(f"{name} in Content-Type", post(b"Content-Type: text/" + raw), (400, 415))
        yield Case(f"{name} in a header's name", post(b"X" + raw + b"Y: 1", body=b" "), 400)
        yield Case(f"{name} in the address", post(target=b"/api/rooms/a" + raw + b"b/messages"), (400, 404))
    yield Case("a bare CR in a header", post(b"X-Any: a\rb", body=b" "), 400)
    yield Case("a bare LF in a header", post(b"X-Any: a\nb", body=b" "), 400)
    yield Case("a folded header", post(b"X-Any: a", b" b", body=b" "), 400)
    yield Case("two Authorizations", post(b"Authorization: Bearer TOKEN2"), (400, 401))
    yield Case("two Idempotency-Keys", post(b"Idempotency-Key: a", b"Idempotency-Key: b"), 400)
    yield Case("two Content-Types", post(b"Content-Type: text/plain", b"Content-Type: application/json"), (400, 415))
    yield Case("no Host", post(body=b" ").replace(b"Host: HOST\r\n", b""), 400)


def addresses() -> Iterator[Case]:
    for target in (
        b"rooms/%00/messages", b"rooms/%ff/messages", b"rooms/%2e%2e/messages", b"rooms/../messages",
        b"/rooms/hostile/messages", b"rooms/hostile/nothing", b"rooms//messages",
        b"rooms/hostile%0d%0aX:%201/messages", b"rooms/%E2%80%AEhostile/messages", b"rooms/a%zz/messages",
    ):  # fmt: skip
        yield Case(f"address {target.decode()}", post(target=b"/api/" + target), (400, 404))
    yield Case("a slash at the end", post(target=b"/api/rooms/hostile/messages/"), (400, 404, 405))
    yield Case("no address at all", post(target=b"*"), (400, 404, 405))
    yield Case("an unknown method", post().replace(b"POST", b"BREW"), (405, 501))
    yield Case("TRACE", post().replace(b"POST", b"TRACE"), 405)
    yield Case("a method of 10 kB", post().replace(b"POST", b"P" * 10_000), (400, 405, 501))
    yield Case("a method in lower case", post().replace(b"POST", b"post"), (400, 405, 501))
    yield Case("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", CUT, ends=True)
    yield Case("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (0, 400, 404, 405, 505), ends=True)
    yield Case("HTTP/9.9", post().replace(b"HTTP/1.1", b"HTTP/9.9"), (0, 400, 505))


def bodies() -> Iterator[Case]:
    for length in (b"-1", b"abc", b"1e3", b"0x10", b"", b"+18", b"18, 18", b"99999999999999999999"):
        yield Case(f"Content-Length: {length.decode()}", post(b"Content-Length: " + length, length=False), (400, 413))
    yield Case("two Content-Lengths", post(b"Content-Length: 3"), 400)
    yield Case("a length and chunks", post(b"Transfer-Encoding: chunked"), 400)
    yield Case("an unknown coding", post(b"Transfer-Encoding: gzip"), (400, 501))
    yield Case("chunked twice", post(b"Transfer-Encoding: chunked, chunked", length=False), (400, 501))
    yield Case("a compressed body", post(b"Content-Encoding: gzip", body=b"\x1f\x8b"), (400, 415))
    yield Case("less than was said, then gone", post(b"Content-Length: 1000", length=False), (0, 400), ends=True)
    yield Case("a megabyte", post(body=STORED * 60_000), 413)
    yield Case("a megabyte of JSON", json(b'{"message":"' + b"x" * 10**6 + b'"}'), 413)
    yield Case("a size of a chunk that is none", chunked(b"xyz\r\nmust not be stored\r\n0\r\n\r\n"), 400)
    yield Case("a chunk of a terabyte", chunked(b"10000000000\r\nmust not be stored"), (0, 400, 413), ends=True)
    yield Case("a negative chunk", chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400)
    yield Case("a chunk that is longer than it says", chunked(b"4\r\nmust not be stored\r\n0\r\n\r\n"), 400)
    yield Case("a chunk's size of 10 kB", chunked(b"0" * 10_000 + b"1\r\nx\r\n0\r\n\r\n"), (0, 400, 413))
    long = b"1;" + b"x" * 100_000 + b"\r\nx\r\n0\r\n\r\n"
    yield Case("a chunk's extension of 100 kB", chunked(long), (0, 400, 413, 431))
    yield Case("chunks without an end, then gone", chunked(b"12\r\nmust not be stored\r\n"), (0, 400), ends=True)
    yield Case("no UTF-8", post(body=b"must not be stored \xff"), 400)
    yield Case("UTF-16", post(body="must not be stored".encode("utf-16")), 400)
    yield Case("NUL in the text", post(body=b"must not\x00be stored"), 400)
    yield Case("half a surrogate pair", json(b'{"message": "\\ud800"}'), 400)
    yield Case("nothing", post(body=b""), 400)
    yield Case("blanks", post(body=b" \n\t "), 400)
    yield Case("no JSON", json(b"must not be stored"), 400)
    yield Case("deep JSON", json(b"[" * 50_000), 400)
    twice = b'{"message": "must not be stored", "message": "must not be stored"}'
    yield Case("the same key twice", json(twice), 400)
    for body in (
        b"null", b"NaN", b"[]", b'"text"', b"{}", b'{"message": 1}', b'{"message": null}',
        b'{"seq": 1, "message": "x"}',
    ):  # fmt: skip
        yield Case(f"JSON {body.decode()}", json(body), 400)
    yield Case("a picture", post(b"Content-Type: image/png"), 415)


CASES = [*heads(), *addresses(), *bodies()]
