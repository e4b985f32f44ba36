"""`roomline send` and `roomline tail`: the chat's commands for where there is no Django, or no time to load it."""

import gc
import sys

NAME = "roomline"
COMMANDS = ("send", "tail")
USAGE = """\
usage: roomline send ROOM TEXT [options]
       roomline tail ROOM ... [options]
"""
HELP = """\
Roomline: put messages into the rooms of a chat, and follow them, through a running server.

  roomline send newbox "hello"
  roomline tail newbox --no-follow
  roomline send --server https://chat.example.org --token-file chat.token ops "Backup done"

On the server's own machine nothing else is needed: the program finds the socket of the running server, which is for
the chat's own account. Elsewhere name the server and a token: by the options, or once by ROOMLINE_SERVER and
ROOMLINE_TOKEN_FILE.

"""
MORE = """
roomline send --help and roomline tail --help say more. --version tells the version.
"""


def main() -> None:
    """The program, from its command line to its exit code."""
    gc.disable()  # what loads now stays, and to send is over before there is garbage
    from chatcli import process

    process.die_of_signals()
    command, *arguments = sys.argv[1:] or [""]
    name = f"{NAME} {command}" if command in COMMANDS else NAME
    with process.streams(name):
        if command == "send":
            from chatcli.remote import send

            send.run(name, arguments)
        elif command == "tail":
            gc.enable()
            _tail(name, arguments)
        else:
            _general(command)


def _tail(name: str, arguments: list[str]) -> None:
    """Follow; one line where the packages are missing that `send` does without."""
    from importlib.util import find_spec

    for package in ("msgspec", "websockets"):
        if find_spec(package) is None:
            from chatcli.remote.program import Program

            Program(name).complain(f"the package {package} is not here: pip install msgspec websockets")
            sys.exit(1)
    from chatcli.remote import tail

    tail.run(name, arguments)


def _general(command: str) -> None:
    """What is asked of the program as such."""
    from chatcli.remote.program import Program

    program = Program(NAME)
    if command in ("--help", "-h", "help"):
        program.stdout.write(f"{HELP}{USAGE}{MORE}")
    elif command == "--version":
        program.stdout.write(f"{NAME} {_version()}")
    else:
        what = "say what to do"
        if command.startswith("-"):
            what = f"options come after the command, as in {NAME} send ROOM TEXT {command}"
        elif command:
            what = f"there is no command {command!a}"
        program.complain(f"error: {what}: {' or '.join(COMMANDS)}")
        program.stderr.write(USAGE)
        sys.exit(2)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("django-roomline")
    except PackageNotFoundError:  # it runs from its folder, as after `make run`
        return "(from its folder)"
