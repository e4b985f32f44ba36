"""docs/commands.md says what the parsers do: every option, its values and its default, and examples that work."""

import re
import shlex
from argparse import Action
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandParser

from chatcli.base import ChatCommand
from chatcli.sending.conflicts import refuse_conflicts
from chatcli.sending.options import Options
from chatcli.subcommands import SubcommandsCommand
from chatcli.subparsers import SubcommandsParser
from chatcli.tail.options import wanted
from tests.conftest import PROJECT

COMMANDS = sorted(name for name, app in get_commands().items() if app == "chatcli")


def subcommands(name: str) -> list[str]:
    """A command with those, as `chat_rooms export`; none of a command that has none."""
    command = load_command_class("chatcli", name)
    return [f"{name} {subcommand}" for subcommand in getattr(command, "subcommands", ())]


#: All that has a page of help: commands, and subcommands in place of those that have some.
PAGES = [page for name in COMMANDS for page in subcommands(name) or [name]]
#: Sections `## create_room`, and `### chat_rooms export` of a subcommand, apart from what its command's says of all.
SECTIONS: dict[str, str] = dict(
    re.findall(
        r"^(?:## |### (?=(?:COMMANDS) \w))(.+?)\n(.*?)(?=^## |^### (?:COMMANDS) \w|\Z)".replace(
            "COMMANDS", "|".join(COMMANDS)
        ),
        (PROJECT / "docs/commands.md").read_text(),
        re.M | re.S,
    )
)
#: A row of a table whose first cell is code: options or a word, then the default, then the meaning.
ROW = re.compile(r"^\| (`(?:[^|\\]|\\\|)+`) \| (?:`([^`|]+)`)? ?\| (.+) \|$", re.M)


class Row(NamedTuple):
    """What the document says of an option: its names, what it takes, its default."""

    names: list[str]
    takes: str
    default: str


def rows(section: str) -> Iterator[Row]:
    """The options and words that the section's tables describe."""
    for names, default, _ in ROW.findall(SECTIONS[section]):
        words = names.replace("\\|", "|").strip("`").split("`, `")
        last, _, takes = words[-1].partition(" ")
        yield Row([*words[:-1], last], takes, default)


def parser_of(page: str) -> CommandParser:
    name, *subcommand = page.split()
    parser = load_command_class("chatcli", name).create_parser("./manage.py", name)
    return parser.page(*subcommand) if isinstance(parser, SubcommandsParser) else parser


def takes(action: Action) -> str:
    """What follows the option, as the document writes it."""
    if action.nargs == 0 or not action.option_strings:
        return ""
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())


def names_of(action: Action) -> list[str]:
    return list(action.option_strings) or [str(action.metavar)]


def expected(name: str) -> dict[tuple[str, ...], Action]:
    return {tuple(names_of(action)): action for action in parser_of(name)._actions}


def documented(page: str) -> list[Row]:
    """What the page's section says, and the command's of all its subcommands."""
    command = page.split()[0]
    return [*rows(page), *(rows(command) if command != page else ())]


@pytest.mark.parametrize("page", PAGES)
def test_the_document_has_the_options_of_the_parser_and_no_others(page: str) -> None:
    found = [tuple(row.names) for row in documented(page)]
    assert len(set(found)) == len(found)
    everywhere = {tuple(row.names) for row in rows("Every command")}
    assert set(found) == expected(page).keys() - everywhere
    assert everywhere <= {*expected(page), ("--skip-checks",)}


@pytest.mark.parametrize("section", [*PAGES, "Every command"])
def test_the_document_has_the_values_and_the_defaults_of_the_parser(section: str) -> None:
    actions = expected("runchat" if section == "Every command" else section)
    for row in documented(section) if section in PAGES else rows(section):
        action = actions[tuple(row.names)]
        assert row.takes == takes(action), row
        if action.nargs != 0 and action.default not in (None, []):
            assert row.default == format(action.default, "g" if isinstance(action.default, float) else ""), row
        elif row.default and row.names != [
            "--wait"
        ]:  # which has none of it in the parser: it is what goes without saying
            assert re.search(rf"\({re.escape(row.default)}[;)]", action.help or ""), row


def command_lines(text: str) -> Iterator[list[str]]:
    """The arguments of manage.py in the blocks of code, as a shell would pass them."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
            lexer.whitespace_split = True
            words = list(lexer)
            for number, word in enumerate(words):
                if word.endswith("manage.py"):
                    rest = words[number + 1 :]
                    yield rest[
                        : next(
                            (n for n, word in enumerate(rest) if word in ("|", "||", "&&", "<", ">", ";")), len(rest)
                        )
                    ]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_example_is_taken_by_the_parser(section: str) -> None:
    lines = list(command_lines(SECTIONS[section]))
    assert len(lines) >= (4 if section in COMMANDS else 1 if section in PAGES else 0)
    for name, *arguments in lines:
        assert name == section.split()[0]
        check(name, arguments)


@pytest.mark.parametrize("page", sorted({*COMMANDS, *PAGES}))
def test_every_example_of_the_help_is_taken_by_the_parser(page: str) -> None:
    lines = list(command_lines(f"```sh\n{examples(page)}\n```"))
    assert len(lines) >= (4 if page in COMMANDS else 1)
    for command, *arguments in lines:
        assert command == page.split()[0]
        check(command, arguments)


def examples(page: str) -> str:
    name, *subcommand = page.split()
    own = load_command_class("chatcli", name)
    assert isinstance(own, ChatCommand)
    if not subcommand:
        return own.examples
    assert isinstance(own, SubcommandsCommand)
    return own.subcommand(*subcommand).examples


def check(name: str, arguments: list[str]) -> None:
    """Raises CommandError when the command would end with 2."""
    parser = load_command_class("chatcli", name).create_parser("./manage.py", name)
    given = vars(parser.parse_args(arguments))
    if name == "chat_send":
        refuse_conflicts(Options(**given))
    elif name == "chat_tail":
        wanted(**given)
