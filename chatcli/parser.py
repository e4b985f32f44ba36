"""The command line: options and words in any order, and what follows `--` is words whatever it looks like, or a job.

argparse sees only what cannot be misunderstood: `--option=value` first, then the words. That way every Python
reads a command line alike, and a text that begins with `-` is an error and never an option, nor a page of help.
Knows nothing of Django: `roomline` has no settings. django_parser.py makes of it a parser of Django's commands.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from chatcli.console import one_line
from chatcli.process import OutputLost

DASH_HINT = 'put -- before text that starts with "-"'
#: Marks a word that argparse must not take for an option.
_MARK = "\0"


class JobSwitch(argparse.Action):
    """An option under which what follows `--` is no text, but the command line of a job: a list, as it was given."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """The parser itself puts the job in its place."""


class ChatParser(argparse.ArgumentParser):
    """Options take no value or one. `opening` is the first thing that the help says.

    `takes_text`: words may be anything, so that a page of help must be asked for alone.
    """

    def __init__(self, *, opening: str = "", takes_text: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **kwargs)
        self.opening = opening
        self.takes_text = takes_text

    def format_help(self) -> str:
        """The introduction, then what argparse makes."""
        return f"{self.introduction()}\n\n{super().format_help()}".lstrip()

    def introduction(self) -> str:
        """What the help says before the usage."""
        return self.opening

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, of the command line's arguments."""
        arguments, switch, job = self._job_apart(list(args))
        for number, argument in enumerate(arguments, 1):
            if not _is_text(argument):
                self.error(f"argument {number} ({argument!a}) is not UTF-8 text")
        options, words = self._sorted(arguments)
        marked = [_MARK + word if word.startswith("-") else word for word in words]
        parsed = super().parse_args([*options, *marked], namespace)
        if switch is not None:
            self._check_job(switch, job)
            setattr(parsed, switch.dest, job)
        for action in self._get_positional_actions():
            setattr(parsed, action.dest, _unmarked(getattr(parsed, action.dest, None)))
        return parsed

    def convert(self, options: dict[str, Any]) -> None:
        """Read those options that are texts or numbers still: `call_command(..., expire="2h")` hands them over so."""
        for action in self._get_optional_actions():
            value = options.get(action.dest)
            repeated = isinstance(action, argparse._AppendAction)
            values = value if repeated and isinstance(value, (list, tuple)) else [value]
            if action.nargs == 0 or not any(map(_is_unread, values)):
                continue
            try:
                read = [self._read(action, item) if _is_unread(item) else item for item in values]
            except argparse.ArgumentError as error:
                self.error(str(error))
            options[action.dest] = read if repeated else read[0]

    def _read(self, action: argparse.Action, value: object) -> Any:
        read = self._get_value(action, str(value))
        self._check_value(action, read)
        return read

    def print_help(self, file: Any = None) -> None:
        """As argparse's, but an output that is lost is told."""
        stream = file or sys.stdout or sys.stderr
        try:
            stream.write(self.format_help())
        except OSError as error:
            raise OutputLost(error) from error

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the usage."""
        self.exit(2, f"{self.format_usage()}{self.prog}: error: {shown(message)}\n")

    def _job_apart(self, arguments: list[str]) -> tuple[list[str], JobSwitch | None, list[str]]:
        """The arguments before the job, the switch that makes it one, and the job; without a switch all of them."""
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        for argument in arguments[:cut]:
            switch = self._option_string_actions.get(argument)
            if isinstance(switch, JobSwitch):
                return arguments[:cut], switch, arguments[cut + 1 :]
        return arguments, None, []

    def _check_job(self, switch: JobSwitch, job: list[str]) -> None:
        """Its arguments may be any bytes (file names are), as long as a program can be given them."""
        if not job:
            self.error(f"{switch.option_strings[0]} needs a job: write -- and its command line at the end")
        for argument in job:
            if not _can_be_passed(argument):
                self.error(f"{argument!a} cannot be an argument of a job")

    def _sorted(self, arguments: list[str]) -> tuple[list[str], list[str]]:
        """The options, each with its value, and the words."""
        options: list[str] = []
        words: list[str] = []
        rest = iter(arguments)
        for argument in rest:
            if argument == "--":
                words.extend(rest)
            elif argument in self._option_string_actions:
                options.append(self._with_value(argument, rest))
            elif argument.startswith("--"):
                options.append(self._long(argument))
            elif len(argument) > 1 and argument[0] == "-":
                options.extend(self._short(argument, rest))
            else:
                words.append(argument)
        if self.takes_text and words and any(self._is_help(option) for option in options):
            self.error(f"{DASH_HINT}; for help give --help alone")
        return options, words

    def _with_value(self, option: str, rest: Iterator[str]) -> str:
        """`option`, joined with the argument after it if it takes one."""
        if self._option_string_actions[option].nargs == 0:
            return option
        value = next(rest, "--")
        if value.startswith("-") and value != "-":
            self.error(f'{option} needs a value; one that starts with "-" is written {option}=VALUE')
        return f"{option}={value}"

    def _long(self, argument: str) -> str:
        if argument.partition("=")[0] not in self._option_string_actions:
            self._unknown(argument)
        return argument

    def _short(self, argument: str, rest: Iterator[str]) -> Iterator[str]:
        """`-qn5` as `-q` and `-n=5`."""
        for place, letter in enumerate(argument[1:], 2):
            option = f"-{letter}"
            action = self._option_string_actions.get(option)
            if action is None or self._is_help(option):
                self._unknown(argument)
            if action.nargs != 0 and place < len(argument):
                yield f"{option}={argument[place:].removeprefix('=')}"
                return
            yield self._with_value(option, rest)

    def _unknown(self, argument: str) -> NoReturn:
        import difflib

        long = [option for option in self._option_string_actions if option.startswith("--")]
        near = difflib.get_close_matches(argument, long, 1)
        self.error(f"no option {argument}{f' (did you mean {near[0]}?)' if near else ''}; {DASH_HINT}")

    def _is_help(self, option: str) -> bool:
        return self._option_string_actions[option.partition("=")[0]].dest in ("help", "version")


def shown(message: str) -> str:
    """What argparse says of a command line, as one line that a terminal can be shown."""
    return one_line(message.replace(_MARK, ""))


def _unmarked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    return value.removeprefix(_MARK) if isinstance(value, str) else value


def _is_unread(value: object) -> bool:
    """Whether an option has this value as it is typed, or as a number, which might be out of bounds."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _is_text(argument: str) -> bool:
    """Whether it is neither NUL (from `call_command`) nor bytes that were no UTF-8 (then they are surrogates)."""
    try:
        return b"\0" not in argument.encode()
    except UnicodeEncodeError:
        return False


def _can_be_passed(argument: str) -> bool:
    """Whether a program can have it as an argument."""
    try:
        return b"\0" not in os.fsencode(argument)
    except UnicodeEncodeError:
        return False
