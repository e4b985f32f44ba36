"""Which options of `chat_send` do not go together: tables, and the one sentence that each conflict gets."""

from chatcli.sending.options import Options
from chatcore.exceptions import BadRequest

#: What belongs to the options by another name than theirs.
_FLAGS = {
    "room": "ROOM", "text": "TEXT", "everywhere": "--all", "stdin": '"-"', "as_user": "--as", "tags": "--tag",
    "delay": "--in", "job": "--run",
}  # fmt: skip
#: They go with everything.
_ALWAYS = frozenset(("timeout", "retry", "server", "socket", "token_file", "json", "quiet", "verbosity"))
_SOURCES = ("text", "stdin", "file", "lines", "jsonl")
_AUTHOR = frozenset(("room", "as_user", "name"))
_LOOKS = frozenset(("title", "priority", "tags", "link", "format"))
_OFFERED = tuple(name for name in Options.__annotations__ if name not in _ALWAYS)

#: What does something else than send, and all that it goes with.
_APART = {
    "schema": frozenset[str](),
    "cancel": frozenset[str](),
    "clear": _AUTHOR | {"everywhere", "banner"},
    "delete": _AUTHOR | {"dry_run"},
    "edit": _AUTHOR | _LOOKS | {"text", "stdin", "file", "truncate", "dry_run"},
}
#: An option, those that it does not go with, and why.
_NOT_WITH = (
    ("as_user", ("name",), "a message has one author"),
    ("everywhere", ("create", "reply_to"), "each room has its own messages"),
    ("banner", ("kind",), "a banner is a kind of its own"),
    ("lines", ("reply_to", "at", "delay", "wait"), "it sends many messages, each at once"),
    ("jsonl", ("reply_to", "at", "delay", "wait"), "it sends many messages, each at once"),
    ("at", ("delay",), "a message is sent at one time"),
    ("at", ("once", "wait"), "it is not sent yet"),
    ("delay", ("once", "wait"), "it is not sent yet"),
    ("dry_run", ("wait",), "nothing is sent"),
    ("job", ("stdin", "file", "lines", "jsonl"), "what is sent is a title, and how the job ended"),
    ("job", ("truncate",), "a report is always cut to fit, at its beginning"),
    ("job", ("at", "delay"), "the report is sent when the job has ended"),
    ("job", ("dry_run",), "the job would be run"),
)
#: An option, and those of which it needs one.
_NEEDS = (
    ("clear", ("banner",)),
    ("keep_going", ("lines", "jsonl")),
    ("on", ("job",)),
    ("tail_lines", ("job",)),
)


def refuse_conflicts(options: Options) -> None:
    """A BadRequest (exit 2) with one sentence for the first conflict, if there is any."""
    given = {name for name in _OFFERED if _is_given(getattr(options, name, None))}
    for sentence in (
        _apart(given),
        _twice(given),
        _token(options, given),
        _pair(given),
        _needed(given),
        _place(options, given),
        _title(options),
    ):
        if sentence:
            raise BadRequest(sentence)


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != []


def _apart(given: set[str]) -> str | None:
    for name, company in _APART.items():
        if name in given and (others := given - company - {name}):
            other = next(other for other in _OFFERED if other in others)
            return f"{flag(name)} does not go with {flag(other)}"
    return None


def _twice(given: set[str]) -> str | None:
    sources = [flag(name) for name in _SOURCES if name in given]
    if len(sources) < 2:
        return None
    return f'the text is given twice, as {sources[0]} and by {sources[1]}: take one (put -- before text that is "-")'


def _token(options: Options, given: set[str]) -> str | None:
    reads = next((name for name in ("stdin", "lines", "jsonl") if name in given), None)
    stdin = "-"
    if options.token_file != stdin or reads is None:
        return None
    return f"--token-file - does not go with {flag(reads)}: standard input is the one or the other"


def _pair(given: set[str]) -> str | None:
    for name, others, reason in _NOT_WITH:
        for other in others:
            if name in given and other in given:
                return f"{flag(name)} does not go with {flag(other)}: {reason}"
    return None


def _needed(given: set[str]) -> str | None:
    for name, others in _NEEDS:
        if name in given and not given.intersection(others):
            return f"{flag(name)} needs {' or '.join(map(flag, others))}"
    return None


def _place(options: Options, given: set[str]) -> str | None:
    """What is wrong with the rooms, which are words like the text."""
    if given.intersection(("schema", "cancel")):
        return None
    if options.everywhere:
        if options.text or (options.room and given.intersection(_SOURCES)):
            return "with --all give no ROOM, and the text as one TEXT in quotes"
        if options.room and "clear" in given:
            return "--all does not go with ROOM"
        return None
    if not options.room:
        return "no room: name one, or several with commas between them, or give --all"
    if not all(options.room.split(",")):
        return f"{options.room!a} has a room without a name: write ops,dev"
    if "," in options.room:
        for name in ("reply_to", "edit", "delete"):
            if name in given:
                return f"{flag(name)} goes with one room: each has its own numbers"
    return None


def _title(options: Options) -> str | None:
    title = (options.room or "") if options.everywhere else " ".join(options.text)
    if options.job and not title.strip():
        return "--run needs a title for the report: write it before --"
    return None


def flag(name: str) -> str:
    """The option as it is typed."""
    return _FLAGS.get(name) or "--" + name.replace("_", "-")
