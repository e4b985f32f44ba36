"""Commands that have subcommands, each in a module that is loaded when it is asked for; and reports item by item."""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.subparsers import SubcommandParser, SubcommandsParser
from chatcore.database import explaining
from chatcore.exceptions import ChatError


class Subcommand:
    """What one subcommand is: its page of help, its options, and what it does."""

    #: One sentence, as the list of all subcommands has it.
    help = ""
    #: Command lines to copy.
    examples = ""
    #: What the help says between the examples and the options.
    notes = ""
    #: The words and options after the subcommand's name, as the usage line shows them.
    usage = "[options]"

    def add_arguments(self, parser: CommandParser) -> None:
        """Its own options and words. An option takes a value in all subcommands that have it, or in none."""

    def handle(self, command: "SubcommandsCommand", *args: Any, **options: Any) -> None:
        """Do it. `command` has the streams: `report`, `warn`, `console`, `quiet`, `each`."""
        raise NotImplementedError


class _Page(LocalCommand):
    """A subcommand in the shape of a command, for its parser's sake."""

    parser_class = SubcommandParser

    def __init__(self, subcommand: Subcommand, *, called_from_command_line: bool) -> None:
        super().__init__()
        self._subcommand = subcommand
        self._called_from_command_line = called_from_command_line
        self.help, self.examples, self.notes = subcommand.help, subcommand.examples, subcommand.notes
        self.usage = subcommand.usage

    def add_arguments(self, parser: CommandParser) -> None:
        self._subcommand.add_arguments(parser)
        super().add_arguments(parser)


class SubcommandsCommand(LocalCommand):
    """A command whose first word says what to do."""

    #: Each subcommand's name, and where its class is: `package.module:Class`.
    subcommands: ClassVar[Mapping[str, str]]
    usage = "SUBCOMMAND ... [options]"
    parser_class = SubcommandsParser

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loaded: dict[str, Subcommand] = {}

    @property
    def stealth_options(self) -> tuple[str, ...]:  # type: ignore[override]  # Django's is a class attribute
        """What `call_command` may pass by name beside the options that all subcommands have."""
        return tuple(self._family.dests())

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser of the command as a whole, which makes those of its subcommands when it needs them."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        assert isinstance(parser, SubcommandsParser)
        self._family = parser
        parser.names = list(self.subcommands)
        parser.make = lambda name: self._page(prog_name, subcommand, name)
        parser.add_argument("subcommand", nargs="?", metavar="SUBCOMMAND", choices=parser.names, help="what to do")
        return parser

    def handle(self, *args: Any, subcommand: str, **options: Any) -> None:
        """What the subcommand does."""
        self.subcommand(subcommand).handle(self, **options)

    def subcommand(self, name: str) -> Subcommand:
        """The one of this name, loaded."""
        if name not in self._loaded:
            made = pkgutil.resolve_name(self.subcommands[name])()
            assert isinstance(made, Subcommand)
            self._loaded[name] = made
        return self._loaded[name]

    def refuse_quiet(self) -> None:
        """For a subcommand whose output is all that it does: by silence a file would be empty, and nobody told."""
        if self.quiet:
            raise CommandError("-q prints nothing, and an export is what is printed: leave it out", returncode=2)

    def each(self, items: Iterable[str], do: Callable[[str], None]) -> None:
        """`do` for each item, also after one that fails, which is a line on stderr; the worst exit code at the end.

        A single item's error is the command's own.
        """
        wanted = list(dict.fromkeys(items))
        if len(wanted) == 1:
            do(wanted[0])
            return
        codes = list(self._codes(wanted, do))
        failed = [code for code in codes if code]
        if failed:
            raise CommandError(f"{len(failed)} of {len(codes)} failed", returncode=max(failed))

    def _codes(self, items: Iterable[str], do: Callable[[str], None]) -> Iterator[int]:
        for item in items:
            try:
                with explaining():
                    do(item)
            except ChatError as error:
                self.stderr.write(one_line(f"{item}: {error}"))
                self.stderr.flush()
                yield error.exit_code
            else:
                yield 0

    def _page(self, prog_name: str, command: str, name: str) -> SubcommandParser:
        page = _Page(self.subcommand(name), called_from_command_line=bool(self._family.called_from_command_line))
        parser = page.create_parser(prog_name, f"{command} {name}")
        assert isinstance(parser, SubcommandParser)
        return parser
