"""The command line's own rules, the same on every Python."""

import keyword
import re
import shlex
from types import ModuleType
from typing import Any

import pytest
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatcli.django_parser import DjangoParser
from chatcli.management.commands import chat_bench, chat_send, chat_tail, create_room
from chatcli.parser import DASH_HINT


def parse(command: ModuleType, *arguments: str) -> dict[str, Any]:
    """The options that `arguments` give to the command, as `call_command` would have them."""
    parser = command.Command().create_parser("manage.py", command.__name__.rpartition(".")[2])
    options: dict[str, Any] = vars(parser.parse_args(arguments))
    return options


def refused(command: ModuleType, *arguments: str) -> str:
    """The usage error that `arguments` are."""
    with pytest.raises(CommandError) as caught:
        parse(command, *arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (["newbox", "hello"], ["hello"]),
        (["newbox", "hello", "world"], ["hello", "world"]),
        (["-q", "newbox", "hello"], ["hello"]),
        (["newbox", "-q", "hello", "--json", "world"], ["hello", "world"]),
        (["newbox", "--key", "k", "hello"], ["hello"]),
        (["newbox", "--key=k", "--", "-rf"], ["-rf"]),
        (["--", "newbox", "--help"], ["--help"]),
        (["newbox", "--", "--", "-5"], ["--", "-5"]),
        (["newbox", "a", "--", "b", "--json"], ["a", "b", "--json"]),
        (["newbox", "--", "-"], ["-"]),
        (["newbox", ""], [""]),
        (["newbox", "--", ""], [""]),
        (["newbox", "a=b", "@file", "x -y"], ["a=b", "@file", "x -y"]),
        (["newbox"], []),
    ],
)
def test_options_and_words_mix_and_what_follows_two_dashes_is_text(line: list[str], text: list[str]) -> None:
    options = parse(chat_send, *line)
    assert (options["room"], options["text"]) == ("newbox", text)


@pytest.mark.parametrize(
    "word",
    [
        "-rf",
        "-5",
        "-1.5",
        "-x y",
        "--nonsense",
        "--nonsense=1",
        "--help me",
        "-help",
        "-hq",
        "-qh",
        "-qz",
        "-é",
        "---",
        "-=x",
    ],
)
@pytest.mark.parametrize(
    "place", [["{}", "newbox", "x"], ["newbox", "{}"], ["newbox", "x", "{}"], ["-q", "newbox", "{}", "--json"]]
)
def test_a_word_that_begins_with_a_dash_and_is_no_option_is_refused_with_the_remedy(
    word: str, place: list[str]
) -> None:
    message = refused(chat_send, *(part.format(word) for part in place))
    assert DASH_HINT in message


def test_the_option_that_was_perhaps_meant_is_named() -> None:
    assert "did you mean --json?" in refused(chat_send, "newbox", "--jsn", "x")


def test_options_are_never_abbreviated() -> None:
    assert DASH_HINT in refused(chat_send, "newbox", "--js", "x")


@pytest.mark.parametrize("word", ["--help", "-h", "--version"])
def test_a_text_that_looks_like_a_call_for_help_is_not_answered_with_a_page_of_help(word: str) -> None:
    assert DASH_HINT in refused(chat_send, "newbox", word)


def test_help_alone_is_answered_with_examples_first(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(chat_send, "--help")
    assert ended.value.code == 0
    help_text = capsys.readouterr().out
    assert help_text.splitlines()[2].strip() == './manage.py chat_send newbox "hello"'
    assert help_text.index("usage:") < help_text.index("--settings")


def test_help_may_follow_words_that_are_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(chat_tail, "newbox", "--help")
    assert ended.value.code == 0


@pytest.mark.parametrize(
    "line",
    [
        ["--key", "newbox", "--", "x"],
        ["newbox", "x", "--key"],
        ["newbox", "--key", "--", "x"],
        ["newbox", "x", "--key", "--json"],
    ],
)
def test_an_option_without_its_value_is_refused(line: list[str]) -> None:
    if line[0] == "--key":
        assert parse(chat_send, *line)["key"] == "newbox"  # the value is the next argument, whatever it is
    else:
        assert "--key=VALUE" in refused(chat_send, *line)


def test_a_value_that_begins_with_a_dash_is_given_with_an_equals_sign() -> None:
    assert "--title=VALUE" in refused(create_room, "ops", "--title", "-x")
    assert parse(create_room, "ops", "--title=-x")["title"] == "-x"


@pytest.mark.parametrize(
    "line", [["-n5"], ["-n", "5"], ["-n=5"], ["--lines=5"], ["--lines", "5"], ["-qn5"], ["-qn", "5"]]
)
def test_short_options_take_their_value_in_every_usual_way(line: list[str]) -> None:
    options = parse(chat_tail, "newbox", *line)
    assert options["lines"] == 5
    assert options["quiet"] == line[0].startswith("-q")


@pytest.mark.parametrize("option", ["--json=1", "--quiet=yes", "--create=no"])
def test_a_switch_takes_no_value(option: str) -> None:
    refused(chat_send, "newbox", "x", option)


def test_djangos_own_options_work_before_and_after_words() -> None:
    before = parse(chat_send, "-v2", "--traceback", "newbox", "hello", "--no-color")
    after = parse(chat_send, "newbox", "hello", "--verbosity", "2", "--no-color", "--traceback")
    assert before == after
    assert (before["verbosity"], before["traceback"], before["no_color"]) == (2, True, True)


def test_a_lone_dash_is_standard_input_and_no_text() -> None:
    assert parse(chat_send, "newbox", "-")["stdin"] is True
    assert parse(chat_send, "-", "newbox")["room"] == "newbox"
    assert parse(chat_send, "newbox", "--", "-")["stdin"] is False


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (create_room, []),
        (create_room, ["a", "b"]),
        (create_room, ["a", "--if-not-exists", "--update"]),
        (chat_send, ["a", "b", "--kind", "banner"]),
        (chat_send, ["a", "b", "--timeout", "0"]),
        (chat_send, ["a", "b", "--timeout", "nan"]),
        (chat_tail, ["a", "-n", "x"]),
        (chat_tail, ["a", "-n=-5"]),
        (chat_tail, ["a", "--count", "0"]),
        (chat_tail, ["a", "--after=-1"]),
        (chat_tail, ["a", "--since", "abc"]),
        (chat_tail, ["a", "--since=-1"]),
        (chat_tail, ["a", "--since", "2999-01-01"]),
        (chat_tail, ["a", "--timeout", "inf"]),
        (create_room, ["a", "--retention", "30"]),
        (create_room, ["a", "--max-length", "0"]),
        (create_room, ["a", "--max-length", "1_000"]),
    ],
)
def test_wrong_usage_is_refused_with_code_2(command: ModuleType, line: list[str]) -> None:
    refused(command, *line)


@pytest.mark.parametrize("broken", ["caf\udce9", "a\0b"])
@pytest.mark.parametrize(
    "place", [["{}", "x"], ["newbox", "{}"], ["newbox", "x", "--key", "{}"], ["newbox", "--", "{}"]]
)
def test_arguments_that_are_no_text_are_refused_by_their_number(broken: str, place: list[str]) -> None:
    message = refused(chat_send, *(part.format(broken) for part in place))
    assert "is not UTF-8 text" in message
    message.encode()
    assert "\0" not in message


def test_an_error_about_a_hostile_argument_is_safe_to_print() -> None:
    message = refused(chat_send, "newbox", "-\x1b]52;c;eA==\x07\u202e\nfake")
    assert message.isprintable()


def test_a_usage_error_on_the_command_line_shows_the_usage_and_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    parser = DjangoParser(prog="manage.py chat_x", usage="%(prog)s ROOM", called_from_command_line=True)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["-x"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[0] == "usage: manage.py chat_x ROOM"


@pytest.mark.parametrize("command", [chat_bench, chat_send, chat_tail, create_room])
def test_the_examples_in_the_help_fit_a_terminal_and_are_right(command: ModuleType) -> None:
    name = command.__name__.rpartition(".")[2]
    for example in command.Command.examples.splitlines():
        assert len(example) <= 80
        words = shlex.split(re.split("[|<]", example)[0], comments=True)
        assert words[:2] == ["./manage.py", name]
        parse(command, *words[2:])


@pytest.mark.parametrize("command", [chat_bench, chat_send, chat_tail, create_room])
def test_no_option_is_one_of_djangos_and_no_destination_is_a_keyword(command: ModuleType) -> None:
    def options(parser: CommandParser) -> set[str]:
        return {string for action in parser._actions for string in action.option_strings}

    class Bare(BaseCommand):
        requires_system_checks = ()

    bare = options(Bare().create_parser("manage.py", "bare"))
    parser = command.Command().create_parser("manage.py", "x")
    assert bare < options(parser)
    assert not [action.dest for action in parser._actions if keyword.iskeyword(action.dest)]
