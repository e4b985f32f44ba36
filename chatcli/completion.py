"""What may come next on a command line that is being typed, for completion.bash: asked of the command's own parser.

Whatever goes wrong there are no candidates, and not a word: somebody is typing.
"""

import re
import signal
import sys
from argparse import SUPPRESS, Action, _AppendAction
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from django.core.management.base import CommandParser
from django.db import OperationalError

from chatcli.console import one_line
from chatcli.numbers import PRIORITIES, priority
from chatcli.parser import JobSwitch
from chatcli.subparsers import SubcommandsParser
from chatcli.typed import Typed
from chatcore import history
from chatcore.database import database_file
from chatcore.history.tokens import tokens

if TYPE_CHECKING:
    from chatcli.base import ChatCommand

#: The first line of the answer: the rest of it are the candidates, or the shell is to look for files.
WORDS, FILES = "words", "files"
#: Seconds after which nobody waits for a candidate any more.
PATIENCE_S = 3
#: What is a file's name, or a command that begins with one.
_FILE_METAVARS = frozenset(("PATH", "FILE|-", "CMD"))
#: In a metavar such as `stored|pushed|seen[:N]`, what is to be typed as it stands there.
_LITERAL = re.compile(r"(?<![^|])[a-z]+")


def answer(command: "ChatCommand", subcommand: str, line: str, breaks: str) -> None:
    """Print what may come at the end of `line`, a line each, ready to be put in place of what is typed.

    `breaks` are the characters at which the shell begins a new piece of a word (COMP_WORDBREAKS).
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE_S)  # a database that does not answer
    try:
        typed = Typed(line, breaks)
        found = candidates(command, typed.words[typed.words.index(subcommand) + 1 :], typed.current)
        lines = [FILES] if found is None else [WORDS, *typed.insertions(filter(_is_showable, found))]
        sys.stdout.write("\n".join(lines) + "\n")
    except Exception:
        sys.exit(1)


def candidates(command: "ChatCommand", before: Sequence[str], current: str) -> Iterable[str] | None:
    """What the word that begins with `current` may be, after the words `before` it; None: the name of a file."""
    parser = command.create_parser("manage.py", "")
    if isinstance(parser, SubcommandsParser):
        parser, before = parser.typed(before)
    option, words, only_words = _place(parser, before)
    job = next((action for action in parser._actions if isinstance(action, JobSwitch)), None)
    if before[-1:] in (["<"], [">"]) or (only_words and job is not None and job.option_strings[0] in before):
        return None
    if option is not None:
        return _values(command, option, current)
    if current.startswith("--") and "=" in current and not only_words:
        name, _, value = current.partition("=")
        found = _values(command, parser._option_string_actions[name], value)
        return None if found is None else (f"{name}={value}" for value in found)
    if current.startswith("-") and not only_words:
        return _options(parser, before, current)
    positional = _positional(parser, before, words)
    return () if positional is None else _values(command, positional, current)


def _place(parser: CommandParser, before: Sequence[str]) -> tuple[Action | None, list[str], bool]:
    """The option whose value comes next, the words so far, and whether all that follows is words."""
    words: list[str] = []
    option: Action | None = None
    for number, word in enumerate(before):
        if option is not None:
            option = None
        elif word == "--":
            return None, [*words, *before[number + 1 :]], True
        elif (action := parser._option_string_actions.get(word)) is not None:
            option = None if action.nargs == 0 else action
        elif not word.startswith("-"):
            words.append(word)
    return option, words, False


def _options(parser: CommandParser, before: Sequence[str], current: str) -> Iterator[str]:
    """The options that may be given still; those with a long name by that."""
    for action in parser._actions:
        names = action.option_strings
        given = any(word.partition("=")[0] in names for word in before)
        if not names or action.help == SUPPRESS or (given and not isinstance(action, _AppendAction)):
            continue
        long = [name for name in names if name.startswith("--")]
        yield from names if current in names else long or names


def _positional(parser: CommandParser, before: Sequence[str], words: Sequence[str]) -> Action | None:
    """Which of the command's words comes next; `--all` stands in place of rooms."""
    left = len(words)
    for action in parser._get_positional_actions():
        if action.nargs in ("*", "+") or not left:
            return None if action.metavar == "ROOM" and "--all" in before else action
        left -= 1
    return None


def _values(command: "ChatCommand", action: Action, current: str) -> Iterable[str] | None:
    """What the option or the word may be; None: the name of a file."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    if metavar in _FILE_METAVARS:
        return None
    if action.type is priority:
        return PRIORITIES
    if metavar == "ROOM":
        return _rooms(command, current)
    if metavar.partition("[")[0] == "USER":
        return history.user_names(current) if _may_read(command) else ()
    if metavar == "TOKEN":
        return [token.name for token in tokens()] if _may_read(command) else ()
    return _LITERAL.findall(metavar)


def _rooms(command: "ChatCommand", current: str) -> Iterator[str]:
    """The rooms; in a list with commas, those that it lacks."""
    listed, comma, _ = current.rpartition(",") if command.takes_room_list else ("", "", "")
    for name in history.room_names() if _may_read(command) else ():
        if name not in listed.split(","):
            yield f"{listed}{comma}{name}"


def _may_read(command: "ChatCommand") -> bool:
    """Whether the chat's data is there and ours: looking must make no file."""
    command.refuse_foreign_data()
    try:
        database_file()
    except OperationalError:
        return False
    return True


def _is_showable(candidate: str) -> bool:
    """Whether a terminal shows it as it is, and it is one line."""
    return one_line(candidate) == candidate
