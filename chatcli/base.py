"""What all commands share: the parser, colours, whose data this is, and how errors become a line and an exit code."""

import io
import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.core.management.color import no_style
from django.db import connections

from chatcli import process, server_record
from chatcli.console import INDENT, Console, one_line, plain
from chatcli.django_parser import DjangoParser
from chatcore import conf
from chatcore.database import explaining
from chatcore.exceptions import ChatError, Forbidden


class ErrorOutput(OutputWrapper):
    """The standard error. That it cannot be written changes neither what a command does nor its exit code."""

    def write(  # type: ignore[override]  # as Django's
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        """As Django's, if it can be."""
        with suppress(OSError, ValueError):
            super().write(msg, style_func, ending)

    def flush(self) -> None:
        """As Django's, if it can be."""
        with suppress(OSError, ValueError):
            super().flush()


class ChatCommand(BaseCommand):
    """A command of the chat: its own options, `handle`, and an error that is a line with an exit code."""

    #: Command lines to copy, the first thing that the help shows after a sentence.
    examples = ""
    #: What the help says between the examples and the options.
    notes = ""
    #: The words and options, as the usage line shows them; argparse's own if empty.
    usage = ""
    #: Whether words may be any text, so that `--help` among them may be somebody's text.
    takes_text = False
    #: Whether ROOM may be several rooms with commas between them.
    takes_room_list = False
    #: What reads its command line.
    parser_class: ClassVar[type[DjangoParser]] = DjangoParser
    _parser: DjangoParser | None = None

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's options and the command's own, read by our rules."""
        own = super().create_parser(prog_name, subcommand, add_help=False, **kwargs)
        parser = self.parser_class(
            prog=own.prog,
            usage=f"%(prog)s {self.usage}" if self.usage else None,
            opening="\n\n".join(filter(None, (self.help, self.examples, self.notes))),
            takes_text=self.takes_text,
            parents=[own],
            called_from_command_line=own.called_from_command_line,
        )
        parser._action_groups.sort(key=lambda group: group is parser._optionals)  # what all commands have comes last
        self._parser = parser
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """The command in a process of its own. `--complete LINE BREAKS` is asked by completion.bash."""
        if argv[2:3] == ["--complete"] and len(argv) == 5:
            from chatcli import completion

            completion.answer(self, argv[1], *argv[3:])
            return
        process.settle_memory()
        with process.streams():
            self.stdout = OutputWrapper(sys.stdout or io.StringIO())  # None: it is closed
            self.stderr = ErrorOutput(sys.stderr or io.StringIO())
            try:
                super().run_from_argv(argv)
            except CommandError as error:  # with --traceback
                self.stderr.write(plain(traceback.format_exc().rstrip()).replace("\n", f"\n{INDENT}"), str)
                sys.exit(error.returncode)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As Django's, with colours by our rule and with the domain's errors as CommandErrors."""
        if self._parser is not None:
            self._parser.convert(options)
        _settle_colour(options)
        if options["no_color"]:
            self.style = no_style()
            self.stderr.style_func = None
        self._colour = False if options["no_color"] else True if options["force_color"] else None
        try:
            _check_database_is_named()
            self.refuse_foreign_data()
            with explaining():
                return super().execute(*args, **options)
        except ChatError as error:
            raise CommandError(one_line(str(error)), returncode=error.exit_code) from error
        except ImproperlyConfigured as error:
            raise CommandError(f"the settings cannot be used: {one_line(str(error))}") from error

    @property
    def console(self) -> Console:
        """Where the command's data goes."""
        colour = self.stdout.isatty() if self._colour is None else self._colour
        return Console(self.stdout, colour=colour)

    def refuse_foreign_data(self) -> None:
        """Forbidden, before anything is opened, when the data is another account's: files of ours would lock it out."""
        if not hasattr(os, "geteuid") or os.geteuid() == 0:
            return
        for path in _data():
            owner = _owner(path)
            if owner is not None and owner != os.geteuid():
                name = _account(owner)
                raise Forbidden(f'this chat belongs to "{name}": sudo -u {name} ./manage.py ...')


class LocalCommand(ChatCommand):
    """A command that reads or writes the chat's data itself: quick to start, quiet if asked, on the server's data."""

    requires_system_checks = ()
    quiet = False
    #: Whether the process is this command's, and not that of a program which calls it.
    own_process = False

    def add_arguments(self, parser: CommandParser) -> None:
        """The options that all of them have; a command adds its own before."""
        parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
        parser.add_argument("--json", action="store_true", help="print JSON lines")

    def run_from_argv(self, argv: list[str]) -> None:
        """The command in a process of its own, which dies of the signal that ends it."""
        self.own_process = True
        process.die_of_signals()
        logging.getLogger("chatcore").addHandler(_Talk(self))
        logging.getLogger("chatcore").propagate = False
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As ChatCommand's, unless the output is closed."""
        self.quiet = options["quiet"]
        if sys.stdout is None and not options.get("stdout") and not self.quiet:
            raise CommandError("the standard output is closed: open it, or ask for no output by -q")
        return super().execute(*args, **options)

    def refuse_foreign_data(self) -> None:
        """Also when a server runs here that means other data: what we wrote would never be seen."""
        super().refuse_foreign_data()
        record = server_record.live_record()
        if record is not None and (reason := server_record.mismatch(record)) is not None:
            raise ChatError(reason)

    def report(self, line: str, answer: dict[str, Any], *, json: bool, verbosity: int) -> None:
        """The one line of a command that has changed something: for people, or `answer` as JSON."""
        if self.quiet:
            return
        try:
            if json:
                self.console.json(self.encoded(answer))
            elif verbosity > 0:
                self.console.line(line)
        except process.OutputLost as lost:
            lost.done = True
            raise

    def encoded(self, answer: dict[str, Any]) -> bytes:
        """The answer as JSON."""
        return msgspec.json.encode(answer)

    def complain(self, line: str) -> None:
        """What went wrong, also if asked to be quiet."""
        self.stderr.write(f"CommandError: {one_line(line)}")

    def warn(self, line: str) -> None:
        """A line of talk."""
        if not self.quiet:
            self.stderr.write(f"Warning: {one_line(line)}")
            self.stderr.flush()


class _Talk(logging.Handler):
    """What the domain logs while a command runs, as lines of the command."""

    def __init__(self, command: LocalCommand) -> None:
        super().__init__(logging.WARNING)
        self._command = command

    def emit(self, record: logging.LogRecord) -> None:
        """One warning."""
        if not record.name.startswith("chatcore.bell"):  # whether a ring was heard is the command's to say
            self._command.warn(record.getMessage())


def _settle_colour(options: dict[str, Any]) -> None:
    """https://no-color.org and https://force-color.org, under the flags; a dumb terminal has no colours."""
    if options["no_color"] or options["force_color"]:
        return
    if os.environ.get("FORCE_COLOR"):
        options["force_color"] = True
    elif os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        options["no_color"] = True


def _check_database_is_named() -> None:
    """Checks of the site say so too; most commands do without them."""
    if conf.settings.DATABASE not in connections:
        known = ", ".join(sorted(connections))
        raise ImproperlyConfigured(f"CHAT_DATABASE = {conf.settings.DATABASE!r} is none of DATABASES ({known})")


def _data() -> list[Path]:
    """Where the chat's data lies on this machine."""
    folder, database = Path(conf.settings.VAR_DIR), settings.DATABASES[conf.settings.DATABASE]
    if not database["ENGINE"].endswith("sqlite3"):
        return [folder]
    return [folder, Path(database["NAME"])]


def _owner(path: Path) -> int | None:
    """Whose it is; None if it is not there. What is hidden from us belongs to whom hides it."""
    for place in (path, *path.parents):
        try:
            return place.stat().st_uid
        except PermissionError:
            continue
        except OSError:
            return None
    return None


def _account(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"  # as sudo takes it
