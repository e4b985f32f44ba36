"""What can be wrong with a request whatever it asks for; all else are errors of the domain."""

from collections.abc import Sequence

from chatcore.exceptions import BadRequest, ChatError


class BadJson(BadRequest):
    """A body that is no JSON, or has a key twice."""

    code = "bad_json"


class BodyTooLarge(ChatError):
    """A body above the limit in bytes."""

    code, status, exit_code = "too_long", 413, 4

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request's body has more than {limit} bytes: send less at a time")


class WrongMediaType(ChatError):
    """A body of a type that is not read here."""

    code, status, exit_code = "media_type", 415, 2

    def __init__(self, wanted: Sequence[str]) -> None:
        super().__init__(f"send the body as {' or '.join(wanted)}, and say so in Content-Type")


class WrongMethod(ChatError):
    """What is there takes other methods."""

    code, status, exit_code = "method", 405, 2

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method[:20]!a} is not possible here: use {' or '.join(allowed)}")
        #: Headers of the answer.
        self.headers = [(b"allow", ", ".join(allowed).encode())]


class ServerFailed(ChatError):
    """A fault of ours, which is in the log."""

    def __init__(self) -> None:
        super().__init__("the server failed: those who run it find the reason in its log")
