"""Commands with subcommands: which one a command line means, what its options are, and what its help says."""

import io
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError, CommandParser

from chatcli.completion import candidates
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.subparsers import SubcommandsParser
from chatcore.exceptions import NotFound, RoomArchived

LOADED: list[str] = []


class Paint(Subcommand):
    help = "Paint walls."
    examples = "  ./manage.py house paint north --colour red"
    usage = "WALL ... [options]"

    def __init__(self) -> None:
        LOADED.append("paint")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("walls", metavar="WALL", nargs="+", help="which")
        parser.add_argument("--colour", choices=("red", "blue"), help="of the paint")
        parser.add_argument("-c", "--coats", type=int, metavar="N", default=1, help="how many")

    def handle(
        self, command: SubcommandsCommand, *, walls: list[str], colour: str, coats: int, json: bool, **options: Any
    ) -> None:
        def paint(wall: str) -> None:
            if wall == "brick":
                raise RoomArchived(wall)
            if wall == "none":
                raise NotFound("wall", wall)
            command.report(f"{wall} {colour} {coats}", {"wall": wall}, json=json, verbosity=options["verbosity"])

        command.each(walls, paint)


class Sell(Subcommand):
    help = "Sell it."
    examples = "  ./manage.py house sell --price 5"
    usage = "[options]"

    def __init__(self) -> None:
        LOADED.append("sell")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--price", type=int, metavar="N", help="in crowns")
        parser.add_argument("--furnished", action="store_true", help="with all that is in it")

    def handle(self, command: SubcommandsCommand, *, price: int, furnished: bool, **options: Any) -> None:
        command.stdout.write(f"sold for {price}{' with chairs' if furnished else ''}")


class House(SubcommandsCommand):
    help = "Do things to a house."
    examples = "  ./manage.py house sell"
    subcommands = {"paint": f"{__name__}:Paint", "sell": f"{__name__}:Sell"}

    def refuse_foreign_data(self) -> None:
        """There is none."""


@pytest.fixture(autouse=True)
def nothing_loaded() -> None:
    LOADED.clear()


def parse(*arguments: str) -> dict[str, Any]:
    options: dict[str, Any] = vars(House().create_parser("manage.py", "house").parse_args(arguments))
    return options


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        parse(*arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def called(*arguments: str, **options: Any) -> tuple[str, str]:
    """What the command prints on both streams."""
    out, err = io.StringIO(), io.StringIO()
    call_command(House(), *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "paint north south --colour red -c3 -q",
        "-q paint north south --coats 3 --colour=red",
        "-c 3 --colour red -q paint north south",
        "-qc3 paint north --colour red south",
        "-qc 3 --colour red paint -- north south",
        "--colour=red -qc3 -- paint north south",
        "-v 1 --settings chatproject.settings -q paint -c 3 north south --colour red",
    ],
)
def test_options_stand_before_and_after_the_subcommand(line: str) -> None:
    options = parse(*line.split())
    assert options["subcommand"] == "paint"
    assert options["walls"] == ["north", "south"]
    assert (options["colour"], options["coats"], options["quiet"]) == ("red", 3, True)


def test_only_the_subcommand_that_is_meant_is_loaded() -> None:
    parse("-q", "--json", "sell", "--price", "5")
    assert LOADED == ["sell"]


def test_without_a_subcommand_all_are_named() -> None:
    for line in ([], ["-q"], ["--"], ["--price", "5"]):
        assert "which one? paint, sell" in refused(*line)
    assert LOADED in ([], ["paint", "sell"])


def test_an_unknown_subcommand_is_refused_with_a_near_one() -> None:
    assert refused("pant", "north") == "Error: no subcommand pant: did you mean paint?"
    assert refused("spill", "north") == "Error: no subcommand spill: there are paint, sell"
    assert refused("demolish") == "Error: no subcommand demolish: there are paint, sell"


@pytest.mark.parametrize("line", ["sell --colour red", "--colour red sell", "sell --colour=red"])
def test_another_subcommands_option_is_refused_and_named(line: str) -> None:
    assert refused(*line.split()) == "Error: --colour is an option of paint, and not of this"


def test_an_option_of_none_is_refused_with_a_near_one() -> None:
    assert "no option --color (did you mean --colour?)" in refused("paint", "--color", "red", "north")
    assert "no option --nonsense" in refused("--nonsense")
    assert "no option -z" in refused("-z", "sell")


def test_a_subcommands_own_mistakes_are_told_as_such() -> None:
    assert "WALL" in refused("paint")
    assert "invalid choice: 'green'" in refused("paint", "north", "--colour", "green")
    assert "argument is not" not in refused("sell", "twice")


def test_the_commands_help_lists_the_subcommands() -> None:
    text = House().create_parser("./manage.py", "house").format_help()
    assert text.startswith("Do things to a house.\n\n  ./manage.py house sell\n\nsubcommands:\n")
    assert "  paint  Paint walls.\n  sell   Sell it.\n" in text
    assert "usage: manage.py house SUBCOMMAND ... [options]" in text
    assert "--json" in text
    assert "--colour" not in text


@pytest.mark.parametrize("line", ["sell --help", "--help sell", "-q sell -h"])
def test_a_subcommand_has_its_own_page_of_help(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(*line.split())
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("Sell it.\n\n  ./manage.py house sell --price 5\n\nusage: manage.py house sell [options]\n")
    assert "--furnished" in text
    assert "--colour" not in text


def test_it_is_called_from_python_with_words_and_named_options() -> None:
    assert called("paint", "north", colour="red", coats="2", verbosity=1) == ("north red 2\n", "")
    assert called("sell", price=5, furnished=True) == ("sold for 5 with chairs\n", "")
    assert called("paint", "north", "--json") == ('{"wall":"north"}\n', "")


def test_python_is_refused_another_subcommands_option() -> None:
    with pytest.raises(CommandError, match="colour is an option of another subcommand") as caught:
        called("sell", colour="red")
    assert caught.value.returncode == 2
    with pytest.raises(TypeError, match="paintbrush"):
        called("sell", paintbrush="red")


def test_each_goes_on_after_a_failure_and_ends_with_the_worst_code() -> None:
    out, err = io.StringIO(), io.StringIO()
    words = ["none", "north", "brick", "no\x1bne", "brick", "south"]
    with pytest.raises(CommandError, match="2 of 5 failed") as caught:
        call_command(House(), "paint", *words, stdout=out, stderr=err)
    assert caught.value.returncode == 4
    assert out.getvalue() == "north None 1\nno\\x1bne None 1\nsouth None 1\n"
    assert err.getvalue() == "none: no wall none\nbrick: room brick is archived: it can only be read\n"


def test_a_single_items_error_is_the_commands_own() -> None:
    with pytest.raises(CommandError, match="no wall none") as caught:
        called("paint", "none")
    assert caught.value.returncode == 3


@pytest.mark.parametrize("name", ["chat_rooms", "chat_token", "chat_user"])
def test_an_option_takes_a_value_in_all_subcommands_that_have_it_or_in_none(name: str) -> None:
    parser = load_command_class("chatcli", name).create_parser("manage.py", name)
    assert isinstance(parser, SubcommandsParser)
    takes: dict[str, bool] = {}
    for action in [action for page in parser.names for action in parser.page(page)._actions]:
        for option in action.option_strings:
            assert takes.setdefault(option, action.nargs != 0) == (action.nargs != 0), option


@pytest.mark.parametrize(
    ("before", "current", "offered"),
    [
        ([], "", ["paint", "sell"]),
        (["-q", "-v", "1"], "", ["paint", "sell"]),
        (["--price", "5"], "", ["paint", "sell"]),
        (["sell"], "--fu", ["--furnished"]),
        (["sell", "--furnished"], "--fu", []),
        ([], "--j", ["--json"]),
        (["paint", "north", "--colour"], "", ["red", "blue"]),
        (["--colour"], "", ["red", "blue"]),
        (["-v"], "", ["0", "1", "2", "3"]),
        (["demolish"], "", []),
    ],
)
def test_completion_knows_subcommands_and_their_options(before: list[str], current: str, offered: list[str]) -> None:
    found = candidates(House(), before, current)
    assert found is not None
    assert [word for word in found if word.startswith(current)] == offered
