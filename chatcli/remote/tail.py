"""`roomline tail`: what `chat_tail` does, through a running server and without Django."""

from collections.abc import Sequence
from typing import Any

from chatcli import process
from chatcli.parser import ChatParser
from chatcli.remote import connection, program
from chatcli.remote.program import Program
from chatcli.remote.source import RemoteSource
from chatcli.tail import running
from chatcore.exceptions import ChatError

OPENING = """\
Print the last messages of rooms, then each new one as it comes, through a running server.

  roomline tail newbox                          # the last 10, then follow
  roomline tail newbox --no-follow --since 1h --json | jq .
  roomline tail 'ops-*' --cursor-file ops.cursor --exec ./handle.sh
  roomline tail newbox -n0 --grep '^deploy done' --count 1 --timeout 300

A connection that is lost is made again, for as long as that takes; nothing is missed and nothing comes twice."""


def run(name: str, arguments: Sequence[str]) -> None:
    """The command, in a process of its own, by its name in a usage line and its arguments. SystemExit."""
    parser = ChatParser(prog=name, usage="%(prog)s ROOM ... | --all [options]", opening=OPENING, add_help=False)
    running.add_arguments(parser)
    connection.add_arguments(parser)
    program.add_arguments(parser)
    given = vars(parser.parse_args(arguments))
    colour = program.colour(no_color=given.pop("no_color"), force_color=given.pop("force_color"))
    command = Program(name, quiet=given["quiet"], colour=colour)
    try:
        _follow(command, **given)
    except ChatError as error:
        command.end(error)


def _follow(command: Program, *, server: str | None, socket: str | None, token_file: str | None, **given: Any) -> None:
    process.settle_memory()
    found = connection.server_of(command, server=server, socket=socket, token_file=token_file)
    around = running.Surroundings(
        command.console, command.stdout, command.stderr, command.talk, command.own_process, command.name
    )
    running.run(RemoteSource(found, command.talk), around, **given)
