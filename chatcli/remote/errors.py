"""What can go wrong on the way to a server, as errors of the domain: a line for people, an exit code."""

from chatcore.exceptions import BadRequest, ChatError, OutcomeUnknown, Unavailable

#: Exit codes by HTTP status; of all others it is 1.
_EXIT_CODES = {
    400: 2, 405: 2, 415: 2, 422: 2, 401: 4, 403: 4, 409: 4, 413: 4, 404: 3, 429: 5, 502: 5, 503: 5, 504: 5,
}  # fmt: skip
#: Characters of a detail that a server gives.
_LONGEST = 2000


class NoServerNamed(BadRequest):
    """Nothing says which server is meant."""

    def __init__(self) -> None:
        super().__init__(
            "no server: give --server URL with --token-file, or --socket PATH; or set ROOMLINE_SERVER and "
            "ROOMLINE_TOKEN_FILE, ROOMLINE_SOCKET, CHAT_RUN_DIR or CHAT_VAR_DIR"
        )


class Unreachable(Unavailable):
    """There is no connection to the server; nothing was stored."""

    code = "unreachable"


class AnswerLost(OutcomeUnknown):
    """The request has gone, and no answer came."""


class NoRoomline(ChatError):
    """What answers there is no server of a chat."""

    code = "no_roomline"


class Refused(ChatError):
    """The server's own error. `wait`: seconds after which it may be tried again; `index`: which message of several;
    `limit`: how many characters a message may have, of one that has too many."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        wait: float = 0.0,
        index: int | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(detail[:_LONGEST])
        self.status, self.code, self.exit_code = status, code, _EXIT_CODES.get(status, 1)
        self.wait, self.index, self.limit = wait, index, limit
