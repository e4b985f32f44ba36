"""Which options of `chat_send` go together."""

import pytest

from chatcli.management.commands import chat_send
from chatcli.sending.conflicts import refuse_conflicts
from chatcli.sending.options import Options
from chatcore.exceptions import BadRequest


def options(line: str) -> Options:
    parser = chat_send.Command().create_parser("manage.py", "chat_send")
    return Options(**vars(parser.parse_args(line.split())))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "no room: name one, or several with commas between them, or give --all"),
        ("r x --as a --name b", "--as does not go with --name: a message has one author"),
        ("r x -", 'the text is given twice, as TEXT and by "-": take one (put -- before text that is "-")'),
        ("r --lines --token-file -", "--token-file - does not go with --lines: standard input is the one or the other"),
        ("r - --token-file -", '--token-file - does not go with "-"'),
        ("r x --file f", "the text is given twice, as TEXT and by --file"),
        ("r x --lines", "the text is given twice, as TEXT and by --lines"),
        ("r - --jsonl", 'the text is given twice, as "-" and by --jsonl'),
        ("r --lines --jsonl", "the text is given twice, as --lines and by --jsonl"),
        ("--all r x", "with --all give no ROOM, and the text as one TEXT in quotes"),
        ("--all r --lines", "with --all give no ROOM, and the text as one TEXT in quotes"),
        ("--all x --create", "--all does not go with --create: each room has its own messages"),
        ("--all x --reply-to 1", "--all does not go with --reply-to"),
        ("r,s x --reply-to 1", "--reply-to goes with one room: each has its own numbers"),
        ("r,s x --edit 1", "--edit goes with one room"),
        ("r,s --delete 1", "--delete goes with one room"),
        ("--all x --edit 1", "--edit does not go with --all"),
        ("r x --delete 1", "--delete does not go with TEXT"),
        ("r --delete 1 --edit 1", "--delete does not go with --edit"),
        ("r --delete 1 --title t", "--delete does not go with --title"),
        ("r x --edit 1 --key k", "--edit does not go with --key"),
        ("r x --edit 1 --slot s", "--edit does not go with --slot"),
        ("r x --edit 1 --at 18:00", "--edit does not go with --at"),
        ("r --clear", "--clear needs --banner"),
        ("r x --banner --clear", "--clear does not go with TEXT"),
        ("--all x --banner --clear", "--all does not go with ROOM"),
        ("r x --banner --kind notice", "--banner does not go with --kind: a banner is a kind of its own"),
        ("r --cancel 1", "--cancel does not go with ROOM"),
        ("--cancel 1 -n", "--cancel does not go with --dry-run"),
        ("r --schema", "--schema does not go with ROOM"),
        ("--schema --all", "--schema does not go with --all"),
        ("r x --at 18:00 --in 1h", "--at does not go with --in: a message is sent at one time"),
        ("r x --in 1h --once 1h", "--in does not go with --once: it is not sent yet"),
        ("r x --in 1h --wait pushed", "--in does not go with --wait: it is not sent yet"),
        ("r --lines --in 1h", "--lines does not go with --in: it sends many messages, each at once"),
        ("r --jsonl --wait seen", "--jsonl does not go with --wait"),
        ("r --lines --reply-to 1", "--lines does not go with --reply-to"),
        ("r x --keep-going", "--keep-going needs --lines or --jsonl"),
        ("r x -n --wait pushed", "--dry-run does not go with --wait: nothing is sent"),
    ],
)
def test_a_conflict_is_one_sentence_and_exit_code_2(line: str, sentence: str) -> None:
    with pytest.raises(BadRequest) as caught:
        refuse_conflicts(options(line))
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    "line",
    [
        "r",
        "r x y",
        "r,s x --create --key k --once 1h --slot s --expire 1h --retry 0 --timeout 5",
        "--all x",
        "--all - --truncate",
        "--all --lines --keep-going --as a",
        "r --lines --wait stored",
        "r --delete 3 --as a --dry-run --json -q",
        "r x --edit 3 --title t -p high --tag a --tag b --link http://x --format code --retry 1",
        "--all --banner --clear",
        "r,s --banner --clear --name b",
        "--cancel 1 --timeout 3 --json",
        "--schema --json",
        "r x --at 18:00 --expire 2h --key k --create",
        "r x -n --in 1h --create",
    ],
)
def test_what_makes_sense_together_is_let_pass(line: str) -> None:
    refuse_conflicts(options(line))


def test_every_option_is_known_to_the_tables_by_the_name_that_is_typed() -> None:
    from chatcli.sending.conflicts import flag

    parser = chat_send.Command().create_parser("manage.py", "chat_send")
    typed = {string for action in parser._actions for string in (action.option_strings or [str(action.metavar)])}
    assert {flag(name).strip('"') for name in Options.__annotations__} <= typed | {"--verbosity"}
