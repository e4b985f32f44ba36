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
from chatcli.tail.options import wanted
from tests.conftest import PROJECT

COMMANDS = sorted(name for name, app in get_commands().items() if app == "chatcli")
SECTIONS: dict[str, str] = dict(
    re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", (PROJECT / "docs/commands.md").read_text(), re.M | re.S)
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


def parser_of(name: str) -> CommandParser:
    return load_command_class("chatcli", name).create_parser("./manage.py", name)


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


@pytest.mark.parametrize("name", COMMANDS)
def test_the_document_has_the_options_of_the_parser_and_no_others(name: str) -> None:
    documented = [tuple(row.names) for row in rows(name)]
    assert len(set(documented)) == len(documented)
    everywhere = {tuple(row.names) for row in rows("Every command")}
    assert set(documented) == expected(name).keys() - everywhere
    assert everywhere <= {*expected(name), ("--skip-checks",)}


@pytest.mark.parametrize("section", [*COMMANDS, "Every command"])
def test_the_document_has_the_values_and_the_defaults_of_the_parser(section: str) -> None:
    actions = expected("runchat" if section == "Every command" else section)
    for row in rows(section):
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
                    yield rest[: next((n for n, word in enumerate(rest) if word in ("|", "<", ">", ";")), len(rest))]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_example_is_taken_by_the_parser(section: str) -> None:
    lines = list(command_lines(SECTIONS[section]))
    assert len(lines) >= (4 if section in COMMANDS else 0)
    for name, *arguments in lines:
        assert name == section
        check(name, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_the_help_is_taken_by_the_parser(name: str) -> None:
    own = load_command_class("chatcli", name)
    assert isinstance(own, ChatCommand)
    lines = list(command_lines(f"```sh\n{own.examples}\n```"))
    assert len(lines) >= 4
    for command, *arguments in lines:
        assert command == name
        check(name, arguments)


def check(name: str, arguments: list[str]) -> None:
    """Raises CommandError when the command would end with 2."""
    given = vars(parser_of(name).parse_args(arguments))
    if name == "chat_send":
        refuse_conflicts(Options(**given))
    elif name == "chat_tail":
        wanted(**given)
