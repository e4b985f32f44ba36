"""`chat_user create`."""

import getpass
import shlex
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli.console import one_line
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.services.people import create_user

#: No password is longer; what is larger is the wrong file.
_LARGEST = 4096


class Create(Subcommand):
    help = "Make an account."
    examples = """\
  ./manage.py chat_user create alice                            # who cannot sign in yet
  ./manage.py chat_user create alice --password-file secret.txt
  pwgen -s 20 1 | ./manage.py chat_user create alice --password-file -
  ./manage.py chat_user create alice --email alice@example.org"""
    notes = "The rules for names and passwords are those of the page on which people sign up."
    usage = "USER [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="the account's name")
        parser.add_argument(
            "--password-file", metavar="PATH", help="the password is the one line of this file (- is stdin)"
        )
        parser.add_argument(
            "--email", metavar="ADDRESS", default="", help="an address for mail about forgotten passwords"
        )

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        user: str,
        password_file: str | None,
        email: str,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        password = None if password_file is None else _password(password_file)
        account = create_user(user, password=password, email=email)
        line = f"Created user {account.name}"
        if password is None:
            line += f", who cannot sign in yet: ./manage.py changepassword {shlex.quote(account.name)}"
        answer = {"name": account.name, "username": account.username, "can_sign_in": password is not None}
        command.report(line, {"status": "created", "user": answer}, json=json, verbosity=verbosity)


def _password(path: str) -> str:
    """The file's one line, without the line end; from a terminal it is asked for."""
    name = "standard input" if path == "-" else one_line(path)
    try:
        text = _read(path).decode()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}", returncode=2) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 text: is it the right file?", returncode=2) from error
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or len(text) > _LARGEST or "\n" in password or "\0" in password:
        raise CommandError(f"{name} must hold the password as its one line, and nothing else", returncode=2)
    return password


def _read(path: str) -> bytes:
    if path != "-":
        with Path(path).open("rb") as file:
            return file.read(_LARGEST + 1)
    if sys.stdin is None:
        raise CommandError("no password: standard input is closed", returncode=2)
    if sys.stdin.isatty():
        return _asked().encode()
    if not hasattr(sys.stdin, "buffer"):  # a Python program has put text in its place
        return sys.stdin.read(_LARGEST + 1).encode()
    return sys.stdin.buffer.read(_LARGEST + 1)


def _asked() -> str:
    """Typed twice, and not to be seen."""
    password = getpass.getpass("Password: ")
    if getpass.getpass("Password (again): ") != password:
        raise CommandError("these were two different passwords: no account was made", returncode=2)
    return password
