"""What a handler is given, and which commands are none."""

from argparse import ArgumentParser, ArgumentTypeError

import pytest

from chatcli import handler
from chatcli.handler import command, environment
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.unit.sample import message


def given(name: str, **values: object) -> str:
    return environment(message(**values), {})[b"CHATMSG_" + name.encode()].decode()


def test_the_environment_tells_of_the_message() -> None:
    found = environment(message(tags=["a", "b"], priority=4), {"PATH": "/bin", "odd": "\udcff"})
    assert found == {
        b"PATH": b"/bin", b"odd": b"\xff",
        b"CHATMSG_ROOM": b"newbox", b"CHATMSG_SEQ": b"42", b"CHATMSG_ID": b"0199",
        b"CHATMSG_TIME": b"2026-11-22T05:15:02.481930Z", b"CHATMSG_USERNAME": b"alice", b"CHATMSG_TEXT": b"hello",
        b"CHATMSG_KIND": b"message", b"CHATMSG_PRIORITY": b"4", b"CHATMSG_TAGS": b"a,b",
    }  # fmt: skip


def test_what_the_caller_had_in_our_names_is_replaced() -> None:
    assert environment(message(), {"CHATMSG_TEXT": "old"})[b"CHATMSG_TEXT"] == b"hello"


@pytest.mark.parametrize("text", [*HOSTILE.values(), "a\0b"], ids=[*HOSTILE.keys(), "NUL"])
def test_no_value_moves_a_terminal_and_only_the_text_has_lines(text: str) -> None:
    found = environment(message(message=text, username=text, room=text, tags=[text]), {})
    for name, value in found.items():
        assert not [character for character in FORBIDDEN if character in value.decode()]
        assert name == b"CHATMSG_TEXT" or b"\n" not in value


def test_lines_and_tabs_of_the_text_stay() -> None:
    assert given("TEXT", message="a\n\tb") == "a\n\tb"


def test_a_text_that_no_environment_can_hold_is_cut_between_characters() -> None:
    for text in ("x" * 200_000, "世" * 100_000, "👋" * 50_000):
        cut = given("TEXT", message=text)
        assert text.startswith(cut)
        assert 128 * 1024 - 100 < len(cut.encode()) < 128 * 1024


def test_no_command_is_none() -> None:
    assert command("./handle.sh") == "./handle.sh"
    for blank in ("", " ", "\n"):
        with pytest.raises(ArgumentTypeError, match="there is no command"):
            command(blank)


def test_options_name_the_command_and_how_often_it_is_tried_again() -> None:
    parser = ArgumentParser()
    handler.add_arguments(parser)
    assert vars(parser.parse_args([])) == {"exec_command": None, "exec_retries": 3}
    assert vars(parser.parse_args(["--exec", "true", "--exec-retries", "0"])) == {
        "exec_command": "true", "exec_retries": 0,
    }  # fmt: skip
