"""Command lines that begin with a subcommand: which one is meant, and the parser that reads all the rest."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from django.core.management.base import CommandParser

from chatcli.django_parser import DjangoParser


class SubcommandParser(DjangoParser):
    """The command line of one subcommand, its name taken out."""

    family: "SubcommandsParser"

    def _unknown(self, argument: str) -> NoReturn:
        option = argument.partition("=")[0]
        if owners := self.family.owners(option):
            self.error(f"{option} is an option of {' and '.join(owners)}, and not of this")
        super()._unknown(argument)


class SubcommandsParser(DjangoParser):
    """Finds the subcommand, which is the first word, and lets that one's parser read all the rest."""

    #: Makes the parser of a subcommand.
    make: Callable[[str], SubcommandParser]
    names: Sequence[str]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epilog = f"{self.prog} SUBCOMMAND --help says more of one."
        self._pages: dict[str, SubcommandParser] = {}
        self._chosen: SubcommandParser | None = None

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As the subcommand's parser has it, and `subcommand`, its name."""
        arguments = list(args)
        place = self._place(arguments)
        if place is None:
            super().parse_args(arguments, namespace)  # --help, and what is wrong with the options
            self._ask()
        name = arguments.pop(place)
        if name not in self.names:
            self._unknown_name(name)
        self._chosen = self.page(name)
        parsed = self._chosen.parse_args(arguments, namespace)
        parsed.subcommand = name
        return parsed

    def convert(self, options: dict[str, Any]) -> None:
        """As DjangoParser's; an option of another subcommand is refused."""
        assert self._chosen is not None, "a command line is parsed before its options are converted"
        strange = options.keys() - _dests(self._chosen) - {"subcommand"}  # there are some in `call_command` only
        for name in sorted(strange and strange & self.dests()):
            self._chosen.error(f"{name} is an option of another subcommand")
        self._chosen.convert(options)

    def introduction(self) -> str:
        """With a line for each subcommand."""
        width = max(map(len, self.names)) + 2
        lines = [f"  {name:{width}}{self.page(name).opening.splitlines()[0]}" for name in self.names]
        return "\n".join([self.opening, "", "subcommands:", *lines])

    def typed(self, before: Sequence[str]) -> tuple[DjangoParser, list[str]]:
        """For a line that is being typed: the parser of what comes next, and the words before it that are its own."""
        words = list(before)
        place = self._place(words)
        if place is None:
            last = [word for word in words[-1:] if self._awaits_value(word)]
            owners = self.owners(*last) if last else []
            return self.page(owners[0]) if owners else self, last
        if words[place] not in self.names:
            return self, words
        return self.page(words.pop(place)), words

    def page(self, name: str) -> SubcommandParser:
        """The parser of a subcommand."""
        if name not in self._pages:
            self._pages[name] = self.make(name)
            self._pages[name].family = self
        return self._pages[name]

    def owners(self, option: str) -> list[str]:
        """The subcommands that have this option."""
        return [name for name in self.names if option in self.page(name)._option_string_actions]

    def dests(self) -> set[str]:
        """What the options and words of all subcommands are called in Python."""
        return {dest for name in self.names for dest in _dests(self.page(name))}

    def _place(self, arguments: Sequence[str]) -> int | None:
        """Where the first word is: what belongs to an option before it is none."""
        rest = iter(enumerate(arguments))
        for place, argument in rest:
            if argument == "--":
                return place + 1 if place + 1 < len(arguments) else None
            if not argument.startswith("-") or argument == "-":
                return place
            if self._awaits_value(argument):
                next(rest, None)
        return None

    def _awaits_value(self, argument: str) -> bool:
        """Whether the value of this option, or of the last of these letters, is the next argument."""
        if argument.startswith("--"):
            return self._takes_value(argument)
        for place, letter in enumerate(argument[1:], 2):
            if self._takes_value(f"-{letter}"):
                return place == len(argument)
        return False

    def _takes_value(self, option: str) -> bool:
        if option in self._option_string_actions:
            return self._option_string_actions[option].nargs != 0
        return any(self.page(name)._option_string_actions[option].nargs != 0 for name in self.owners(option))

    def _unknown(self, argument: str) -> NoReturn:
        if self.owners(argument.partition("=")[0]):
            self._ask()
        super()._unknown(argument)

    def _ask(self) -> NoReturn:
        self.error(f"which one? {', '.join(self.names)}")

    def _unknown_name(self, name: str) -> NoReturn:
        import difflib

        near = difflib.get_close_matches(name, self.names, 1, cutoff=0.7)  # `create` is no `rename`
        guess = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.names)}"
        self.error(f"no subcommand {name}: {guess}")


def _dests(parser: CommandParser) -> set[str]:
    return {action.dest for action in parser._actions}
