"""What `chat_send` does, through a server's HTTP API: one text, into one room or into several at once."""

import time
from typing import Any

from chatcli.remote.answers import Answer, answers_of
from chatcli.remote.api import Api, Reply
from chatcli.remote.connection import Server
from chatcli.remote.errors import AnswerLost, Refused
from chatcli.remote.messages import LONGEST, MOST, fields_of, key_for, messages, rooms_of
from chatcli.sending.options import Options, Wait
from chatcli.sending.retries import retrying
from chatcli.sending.texts import text_of, truncated
from chatcli.talk import Talker
from chatcli.times import when
from chatcore.exceptions import BadRequest, ChatError

#: Seconds that the server may wait for readers in one request.
_LONGEST_WAIT = 60.0
#: Seconds more that an answer may take that comes when its time is over.
_GRACE = 2.0
TIMED_OUT = 124


class WaitOver(ChatError):
    """It is stored, and has not got as far as was to be waited for."""

    code, exit_code = "timed_out", TIMED_OUT


def send(command: Talker, options: Options, server: Server) -> None:
    """What the options ask for, through this server. ChatError."""
    if not server.is_local:
        for flag, value in (("--as", options.as_user), ("--create", options.create)):
            if value:
                raise BadRequest(f"{flag} is for the server's own machine: by --socket, or ./manage.py chat_send")
    api = Api(server)
    try:
        if options.cancel is not None or options.clear or options.edit is not None or options.delete is not None:
            from chatcli.remote.changing import change

            change(command, options, api)
        elif options.lines or options.jsonl:
            from chatcli.remote.bulk import post_lines

            post_lines(command, options, api)
        else:
            _post(command, options, api, text_of(options))
    finally:
        api.close()


def called(
    api: Api, options: Options, method: str, path: str, *, until: float, repeatable: bool = True, **request: Any
) -> Reply:
    """The answer to this call, asked for again as often as the options have it. ChatError."""

    def attempt(seconds: float) -> Reply:
        return api.call(method, path, until=time.monotonic() + seconds, **request)

    try:
        return retrying(attempt, options.retry, until=until, repeatable=repeatable)
    except AnswerLost as error:
        advice = "repeat it with the same --key" if options.key is not None else "look whether it is there"
        raise AnswerLost(f"{error}; it may be stored: {advice}") from error


def query_of(options: Options) -> dict[str, str]:
    """What is asked beside the messages."""
    asked = {"dry_run": options.dry_run, "create": options.create}
    return {name: "true" for name, value in asked.items() if value}


def _post(command: Talker, options: Options, api: Api, text: str) -> None:
    until = time.monotonic() + options.timeout
    rooms = rooms_of(api, options, until=until)
    if len(rooms) > MOST:
        raise BadRequest(f"these are {len(rooms)} rooms, and a server takes {MOST} at once: name them in parts")
    fields, key = fields_of(options, kind="announcement"), key_for(options)
    text = text[:LONGEST] if options.truncate else text
    while True:
        try:
            answers = _answers(api, options, messages(rooms, text, key, fields), until)
            break
        except Refused as refused:
            if not options.truncate or refused.limit is None or refused.limit >= len(text):
                raise
            text = truncated(text, refused.limit)
    _report(command, options, answers)
    if options.wait is not None and not all(_is_there(answer, options.wait) for answer in answers):
        raise WaitOver(f"stored as {_places(answers)}, but {_reason(answers, options)}")


def _answers(api: Api, options: Options, drafts: list[dict[str, Any]], until: float) -> list[Answer]:
    """What became of the messages; with `--wait` asked for, by their key, until they are where they should get."""
    while True:
        query, left = query_of(options), min(_LONGEST_WAIT, max(0.0, until - time.monotonic()))
        if options.wait is not None:
            query |= {"wait": _spelt(options.wait), "timeout": f"{left:.3f}"}
        grace = _GRACE if options.wait is not None else 0.0
        reply = called(
            api, options, "POST", "messages", until=until + grace, query=query, body={"messages": drafts}
        )  # fmt: skip
        answers = answers_of(reply, api.server, own_key=options.key is None)
        there = options.wait is None or all(_is_there(answer, options.wait) for answer in answers)
        if there or time.monotonic() + 1 >= until:
            return answers


def _report(command: Talker, options: Options, answers: list[Answer]) -> None:
    if any(answer.live == "deferred" for answer in answers):
        command.warn("stored, but the live layer does not answer: open pages get it within seconds, through the log")
    for answer in answers:
        command.report(_line(answer), answer.content, json=options.json, verbosity=options.verbosity)


def _line(answer: Answer) -> str:
    if answer.due_at is not None:
        again = " (already scheduled)" if answer.status == "duplicate" else ""
        return f"scheduled {answer.room} {answer.content.get('id')} for {when(answer.due_at)}{again}"
    return f"{answer.room} (dry run: nothing is sent)" if answer.status == "dry-run" else answer.line


def _spelt(wait: Wait) -> str:
    return wait.what if wait.what == "pushed" else f"seen:{wait.readers}"


def _is_there(answer: Answer, wait: Wait) -> bool:
    """Whether it has got as far as is wished."""
    if wait.what == "pushed":
        return answer.delivered is not None
    return answer.seen is not None and answer.seen >= wait.readers


def _reason(answers: list[Answer], options: Options) -> str:
    wait = options.wait
    reason = "no running server has said that it has it"
    if wait is not None and wait.what == "seen":
        reason = f"{min((answer.seen or 0 for answer in answers), default=0)} of {wait.readers} have read it"
    return f"{reason}: --timeout {options.timeout:g} s ran out"


def _places(answers: list[Answer], shown: int = 3) -> str:
    places = ", ".join(f"{answer.room} #{answer.seq}" for answer in answers[:shown])
    return places + (f" and {len(answers) - shown} more" if len(answers) > shown else "")
