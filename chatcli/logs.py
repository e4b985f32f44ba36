"""How a line of the log looks, as text and as JSON; and a server whose every word is such a line of JSON.

Both forms show as an escape whatever could move a cursor or pass for another line: text from outside gets into logs.
Of a token they show the public part alone.
"""

import logging
import sys
import threading
from copy import copy
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import msgspec
from django.conf import settings
from django.core.management.base import OutputWrapper

from chatcli.console import INDENT, plain, safe_json
from chatcore.token_texts import without_secrets

FORMATS = ("text", "json")
#: What every record has; all else was given as `extra`.
_USUAL = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}
_PREFIXES = {"Warning: ": logging.WARNING, "CommandError: ": logging.ERROR}

logger = logging.getLogger("chatcli.server")


class LineFormatter(logging.Formatter):
    """One line of text a record; a traceback, and whatever else has several lines, is indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines. That of a worker of several has its number."""
        if (worker := getattr(record, "worker", None)) is not None:
            record = copy(record)
            record.msg, record.args = f"worker {worker}: {record.getMessage()}", None
        return plain(without_secrets(super().format(record))).replace("\n", f"\n{INDENT}")


class JSONFormatter(logging.Formatter):
    """One object on one line a record: `time` (RFC 3339, UTC), `level`, `logger`, `message`, `exception` if there is
    one, and what was given as `extra`. In ASCII: it is the same JSON whatever the stream's encoding is.

    By hand and not by a library: none has this time, escapes all that we escape and takes lone surrogates, and
    each would be told so in as many lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        message, exception = record.getMessage(), ""
        if record.exc_info and record.exc_info[0] is not None:
            exception = self.formatException(record.exc_info)
        elif '\n  File "' in message:  # Daphne puts the traceback there
            message, _, exception = message.partition("\n")
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        if exception:
            fields["exception"] = exception
        extra = {name: value for name, value in record.__dict__.items() if name not in _USUAL and name not in fields}
        return without_secrets(safe_json(_encoded(fields | extra), ascii_only=True))


def _encoded(fields: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(fields, enc_hook=str)
    except (TypeError, ValueError, RecursionError):  # half a surrogate pair, keys that are no text, a loop
        texts = {name: str(value).encode("ascii", "backslashreplace").decode() for name, value in fields.items()}
        return msgspec.json.encode(texts)


class JSONOutput(OutputWrapper):
    """A stream of a command on which each thing that is said becomes a line of the log, in JSON."""

    def __init__(self, stream: OutputWrapper, level: int, worker: int | None = None) -> None:
        """`level`: of what is said there, unless it begins with "Warning:" or the like. `worker`: who says it."""
        super().__init__(cast(TextIO, stream))
        self._stream, self._level = stream, level
        self._extra = {} if worker is None else {"worker": worker}

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override]
        """One line; styles and endings are for people."""
        text, level = str(msg).strip(), self._level
        for prefix, meant in _PREFIXES.items():
            if text.startswith(prefix):
                text, level = text.removeprefix(prefix), meant
        if text:
            record = logging.makeLogRecord({"name": "runchat", "levelno": level, "msg": text, **self._extra})
            record.levelname = logging.getLevelName(level)
            self._stream.write(JSONFormatter().format(record), str)


def log_as_json() -> None:
    """From now on all that this process logs on its standard streams is JSON; also warnings, and exceptions that
    nobody catches. Handlers that write elsewhere stay as the settings have them."""
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    for handler in {handler for found in (logging.root, *loggers) for handler in found.handlers}:
        if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout):
            handler.setFormatter(JSONFormatter())
    settings.LOGGING_CONFIG = None  # Django's ASGI application sets Django up once more: not the log
    logging.captureWarnings(True)
    sys.excepthook = lambda *error: logger.critical("the server failed", exc_info=error)
    threading.excepthook = _of_thread
    sys.unraisablehook = _unraisable


def _of_thread(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread is not None else "that has ended"
    value = failed.exc_value or failed.exc_type()
    logger.error("thread %s failed", name, exc_info=(failed.exc_type, value, failed.exc_traceback))


def _unraisable(failed: "sys.UnraisableHookArgs") -> None:
    value = failed.exc_value or failed.exc_type()
    what = failed.err_msg or "an exception that nobody can catch"
    logger.error("%s: %r", what, failed.object, exc_info=(failed.exc_type, value, failed.exc_traceback))
