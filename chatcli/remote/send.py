"""`roomline send`: the command line of `chat_send`, in a program of its own."""

from collections.abc import Sequence
from typing import Any

from chatcli.parser import ChatParser
from chatcli.remote import connection, program
from chatcli.remote.program import Program
from chatcli.remote.sending import send
from chatcli.sending.conflicts import refuse_conflicts
from chatcli.sending.options import NOTES, Options, add_options
from chatcore.exceptions import ChatError

OPENING = """\
Send a message to a room, through a running server. Exit code 0 means that it is stored.

  roomline send newbox "hello"
  roomline send newbox - < report.txt              # all of it is one message
  roomline send newbox --lines < pipe              # each line, as it comes
  roomline send -q newbox -- "$TEXT"               # in scripts: silent
  roomline send ops "Nightly backup" --run -- /usr/local/bin/backup
  roomline send --server https://chat.example.org --token-file chat.token newbox "hello"

"""
USAGE = "%(prog)s ROOM [TEXT ... | - | --file PATH | --lines | --jsonl] [options]"


def run(name: str, arguments: Sequence[str]) -> None:
    """Do what the arguments ask for, and end the process unless that was done."""
    given = vars(_parser(name).parse_args(arguments))
    colour = program.colour(no_color=given.pop("no_color"), force_color=given.pop("force_color"))
    command = Program(name, quiet=given["quiet"], colour=colour)
    try:
        options = Options(**given, verbosity=1)
        refuse_conflicts(options)
        command.refuse_closed_output()
        if options.schema:
            from chatcli.sending import schema

            return schema.report(command, options)
        if not options.job:
            return _send(command, vars(options))
    except ChatError as error:
        command.end(error)
    from chatcli.job.reporting import run_and_report

    return run_and_report(command, {**vars(options), "traceback": False}, lambda message: _send(command, message))


def _send(command: Program, values: dict[str, Any]) -> None:
    options = Options(**values)
    server = connection.server_of(
        command, server=options.server, socket=options.socket, token_file=options.token_file
    )  # fmt: skip
    send(command, options, server)


def _parser(name: str) -> ChatParser:
    parser = ChatParser(prog=name, usage=USAGE, opening=f"{OPENING}{NOTES}", takes_text=True, add_help=False)
    add_options(parser)
    connection.add_arguments(parser)
    program.add_arguments(parser)
    return parser
