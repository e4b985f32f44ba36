"""`--edit`, `--delete`, `--banner --clear`, `--cancel`, through a server's HTTP API."""

import time
from typing import Any

from chatcli.remote.answers import answer_of, answers_of
from chatcli.remote.api import Api
from chatcli.remote.connection import quoted
from chatcli.remote.errors import Refused
from chatcli.remote.messages import LONGEST, check_text, checked_name, looks_of, rooms_of
from chatcli.remote.sending import called
from chatcli.sending.options import Options
from chatcli.sending.texts import text_of, truncated
from chatcli.talk import Talker
from chatcli.times import when


def change(command: Talker, options: Options, api: Api) -> None:
    """Whichever of the four was asked for."""
    until = time.monotonic() + options.timeout
    if options.cancel is not None:
        _cancel(command, options, api, until)
    elif options.clear:
        _clear(command, options, api, until)
    elif options.edit is not None:
        _edit(command, options, api, until)
    else:
        reply = called(
            api, options, "DELETE", _address(options, options.delete or 0), until=until, repeatable=False,
            query=_query(options),
        )  # fmt: skip
        _report(command, options, api, reply.content, "deleted")


def _edit(command: Talker, options: Options, api: Api, until: float) -> None:
    """An edit that is stored twice does no harm."""
    text = text_of(options)
    text = text[:LONGEST] if options.truncate else text
    check_text(text)
    while True:
        try:
            reply = called(
                api, options, "PATCH", _address(options, options.edit or 0), until=until,
                query=_query(options), body={"message": text, **looks_of(options)},
            )  # fmt: skip
            break
        except Refused as refused:
            if not options.truncate or refused.limit is None or refused.limit >= len(text):
                raise
            text = truncated(text, refused.limit)
    _report(command, options, api, reply.content, "edited")


def _clear(command: Talker, options: Options, api: Api, until: float) -> None:
    """Room by room. That there is no banner is no failure."""
    cleared = 0
    for room in rooms_of(api, options, until=until):
        query = {} if options.as_user is None else {"as": options.as_user}
        reply = called(api, options, "DELETE", f"rooms/{quoted(room)}/banner", until=until, query=query)
        for answer in answers_of(reply, api.server, own_key=False):
            command.report(answer.line, answer.content, json=options.json, verbosity=options.verbosity)
            cleared += 1
    if not cleared and not options.json:
        command.report("there is no banner to clear", {}, json=False, verbosity=options.verbosity)


def _cancel(command: Talker, options: Options, api: Api, until: float) -> None:
    reply = called(
        api, options, "DELETE", f"scheduled/{quoted(options.cancel or '')}", until=until, repeatable=False
    )  # fmt: skip
    answer = answer_of(reply.content, api.server)
    was_for = f", which was for {when(answer.due_at)}" if answer.due_at is not None else ""
    line = f"cancelled {answer.room} {options.cancel}{was_for}"
    command.report(line, answer.content, json=options.json, verbosity=options.verbosity)


def _address(options: Options, seq: int) -> str:
    return f"rooms/{quoted(checked_name(options.room or ''))}/messages/{seq}"


def _query(options: Options) -> dict[str, str]:
    query = {"dry_run": "true"} if options.dry_run else {}
    return query if options.as_user is None else {**query, "as": options.as_user}


def _report(command: Talker, options: Options, api: Api, content: dict[str, Any], done: str) -> None:
    answer = answer_of(content, api.server)
    line = f"{answer.room} #{answer.seq} (dry run: nothing is {done})" if options.dry_run else answer.line
    command.report(line, answer.content, json=options.json, verbosity=options.verbosity)
