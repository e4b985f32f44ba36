"""`--run` on the command line: what follows `--` is the job, as it was given."""

from typing import Any

import pytest
from django.core.management.base import CommandError

from chatcli.management.commands import chat_send


def parse(*arguments: str) -> dict[str, Any]:
    parser = chat_send.Command().create_parser("manage.py", "chat_send")
    options: dict[str, Any] = vars(parser.parse_args(arguments))
    return options


@pytest.mark.parametrize(
    "head",
    [
        ["ops", "Nightly backup", "--run"],
        ["--run", "ops", "Nightly backup"],
        ["-q", "--run", "--on", "failure", "ops", "--json", "Nightly backup"],
    ],
)
@pytest.mark.parametrize(
    "job",
    [
        ["true"],
        ["-x", "--json", "-q", "--help", "-"],
        ["--", "--", "a"],
        ["--run", "--settings=x", "--traceback"],
        ["sh", "-c", "a b  $c\n'\"\\", "", " "],
        ["caf\udce9"],
    ],
)
def test_the_job_is_what_follows_two_dashes_unsplit_and_unmodified(head: list[str], job: list[str]) -> None:
    options = parse(*head, "--", *job)
    assert options["job"] == job
    assert (options["room"], options["text"]) == ("ops", ["Nightly backup"])
    assert options["json"] is ("--json" in head)
    assert options["traceback"] is False


@pytest.mark.parametrize("head", [["ops", "x"], ["ops", "x", "--key=--run"], ["ops", "x", "--title=--run"]])
def test_without_the_option_it_is_text(head: list[str]) -> None:
    options = parse(*head, "--", "--run", "y")
    assert (options["job"], options["text"]) == (None, ["x", "--run", "y"])


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (["ops", "x", "--run"], "--run needs a job"),
        (["ops", "x", "--run", "--"], "--run needs a job"),
        (["ops", "x", "--key", "--run", "--", "true"], "--key=VALUE"),
        (["ops", "x", "--run=true", "--", "true"], "--run"),
        (["ops", "x", "--run", "--", "a\0b"], "cannot be an argument"),
        (["ops", "x", "--run", "--", "\ud800"], "cannot be an argument"),
        (["ops", "caf\udce9", "--run", "--", "true"], "is not UTF-8 text"),
    ],
)
def test_a_job_that_is_missing_or_cannot_be_run_is_wrong_usage(line: list[str], word: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(*line)
    assert caught.value.returncode == 2
    assert word in str(caught.value)
    str(caught.value).encode()
