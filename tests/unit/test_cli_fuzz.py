"""Whatever words a shell hands over, a command line is read or refused: by exit code 2 and one line that a terminal
shows as it is, or by the help that was asked for."""

import contextlib
import io
import json
import shlex

import pytest
from django.core.management import load_command_class
from django.core.management.base import CommandError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatcli.console import one_line, plain, safe_json
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.waiting import SOAK

COMMANDS = [
    *("chat_backup", "chat_bench", "chat_check", "chat_prune", "chat_restore", "chat_rooms"),
    *("chat_send", "chat_tail", "chat_token", "chat_user", "create_room", "runchat"),
]
EXAMPLES = settings(
    max_examples=10 * SOAK, deadline=None, derandomize=SOAK == 1, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip

#: What a shell can hand over: anything but NUL, and bytes that are not UTF-8 as Python has them.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ODD = st.sampled_from(
    ["", "-", "--", "---", "-=", "--=x", "-1", "0", "nan", "inf", "1e400", "9" * 40, "٣", "a=b", "=", "@f", "a\udcffb"]
) | st.sampled_from(list(HOSTILE.values()))
PLAUSIBLE = st.sampled_from(
    [
        "newbox",
        "ops-*",
        "hello",
        "90s",
        "2h",
        "07:30",
        "2026-11-22",
        "alice",
        "text",
        "json",
        "list",
        "show",
        "set",
        "mute",
    ]
)


def options_of(name: str) -> list[str]:
    """Every option of the command and of its subcommands."""
    parser = load_command_class("chatcli", name).create_parser("manage.py", name)
    parsers = [parser]
    for action in parser._actions:
        if isinstance(action.choices, dict):
            parsers += action.choices.values()
    return sorted({option for one in parsers for action in one._actions for option in action.option_strings})


def words(name: str) -> st.SearchStrategy[list[str]]:
    option = st.sampled_from(options_of(name))
    with_value = st.builds("{}={}".format, option, ODD | PLAUSIBLE | TEXT)
    return st.lists(option | with_value | ODD | PLAUSIBLE | TEXT, max_size=8)


def outcome(name: str, argv: list[str]) -> tuple[int, str, str]:
    """The exit code with which the parser ends, and what it prints; 0 and nothing for a command line that is one."""
    out, err = io.StringIO(), io.StringIO()
    command = load_command_class("chatcli", name)
    command._called_from_command_line = True  # type: ignore[attr-defined]  # as run_from_argv does
    parser = command.create_parser("manage.py", name)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            parser.parse_args(argv)
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), err.getvalue()
        except CommandError as error:
            return error.returncode, out.getvalue(), f"CommandError: {error}\n"
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_any_words_are_a_command_line_or_exit_code_2_and_a_line(name: str) -> None:
    @EXAMPLES
    @given(words(name))
    @example([])
    @example(["\x1b]52;c;ZXZpbA==\x07", "--\x1b[2J"])
    def check(argv: list[str]) -> None:
        code, out, err = outcome(name, argv)
        assert code in (0, 2), shlex.join(argv)
        assert not [character for character in FORBIDDEN if character in out + err], (argv, err)
        if code == 2:
            *usage, told = err.splitlines()
            assert out == ""
            assert told
            assert len(usage) <= 1
            assert all(line.startswith("usage: manage.py") for line in usage)
        else:
            assert err == ""
            assert not out or {"-h", "--help", "--version"} & set(argv)

    check()


ANY_TEXT = st.text(st.characters(categories=None), max_size=200) | st.lists(ODD, max_size=5).map("".join)


@settings(EXAMPLES, max_examples=100 * SOAK)
@given(ANY_TEXT)
def test_no_text_gets_through_the_sanitiser_with_anything_that_moves_a_cursor(text: str) -> None:
    shown, line = plain(text), one_line(text)
    assert not [character for character in FORBIDDEN if character in shown + line]
    assert "\n" not in line
    assert shown.count("\n") <= text.count("\n")
    assert one_line(line) == line
    for output in (shown, line):
        output.encode()  # half a surrogate pair would end the output with a traceback


@settings(EXAMPLES, max_examples=100 * SOAK)
@given(st.text(max_size=200))
def test_json_for_a_terminal_is_the_same_json(text: str) -> None:
    encoded = json.dumps({"message": text}, ensure_ascii=False).encode()
    safe = safe_json(encoded)
    assert json.loads(safe) == {"message": text}
    assert not [character for character in (*FORBIDDEN, "\n") if character in safe]
