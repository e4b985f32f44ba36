"""Which events are shown."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

import pytest

from chatcli import filters
from chatcli.filters import Filters, pattern
from chatcore.events import Author
from tests.unit.sample import delete, edit, message


def found(*options: str, **values: Any) -> bool:
    """Whether a message is shown under these options."""
    parser = ArgumentParser()
    filters.add_arguments(parser)
    return filters.chosen(**vars(parser.parse_args(options))).matches(message(**values))


def test_without_filters_everything_is_shown() -> None:
    assert found()
    assert Filters().matches(delete())


def test_of_a_person_the_account_counts_and_not_the_name_shown() -> None:
    assert found("--author", "alice", username="Alice Smith", author=Author("user", "7", "alice"))
    assert not found("--author", "Alice Smith", username="Alice Smith", author=Author("user", "7", "alice"))
    assert not found("--author", "admin", username="admin", author=Author("user", "8", "mallory"))


def test_bots_and_the_system_go_by_their_names() -> None:
    assert found("--author", "backup", username="backup", author=Author("bot", "", "backup"))
    assert found("--author", "system", username="system", author=Author("system", "", "system"))
    assert found("--author", "guest", username="guest", author=Author("guest", "", ""))


def test_a_filter_that_is_repeated_takes_any_of_its_values() -> None:
    assert found("--author", "bob", "--author", "alice")
    assert found("--kind", "notice", "--kind", "message")
    assert found("--tag", "a", "--tag", "b", tags=["b", "c"])
    assert found("--grep", "x", "--grep", "hell")
    assert not found("--exclude", "x", "--exclude", "hell")


def test_all_filters_must_match() -> None:
    options = ("--author", "alice", "--kind", "message", "--min-priority", "4", "--tag", "a", "--grep", "hello")
    assert found(*options, priority=4, tags=["a"])
    assert not found(*options, priority=3, tags=["a"])
    assert not found(*options, priority=4, tags=["b"])
    assert not found(*options, priority=4, tags=["a"], message="bye")
    assert not found(*options, priority=4, tags=["a"], kind="notice")
    assert not found(*options, "--exclude", "^hell", priority=4, tags=["a"])


def test_priorities_have_names() -> None:
    assert found("--min-priority", "high", priority=5)
    assert not found("--min-priority", "high", priority=3)


def test_a_pattern_is_looked_for_in_text_and_title() -> None:
    assert found("--grep", "backup", title="Nightly backup", message="took 3 s")
    assert not found("--exclude", "backup", title="Nightly backup", message="took 3 s")
    assert not found("--grep", "backup took", title="Nightly backup", message="took 3 s")


def test_a_pattern_knows_lines_as_grep_does() -> None:
    assert found("--grep", "^deploy done$", message="first\ndeploy done\nlast")
    assert not found("--grep", "^done", message="deploy done")
    assert not found("--grep", "first.last", message="first\nlast")


def test_changes_are_filtered_by_what_the_message_is_now() -> None:
    wanted = Filters(grep=[re.compile("new")])
    assert wanted.matches(edit(message="new"))
    assert not wanted.matches(edit(message="old"))
    assert not wanted.matches(delete(message=""))


@pytest.mark.parametrize("text", ["(", "[a", "*", "a{99999999999999999999}", "(?P<x>a)(?P<x>b)", "(" * 5000, "\\"])
def test_what_is_no_pattern_is_told(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no regular expression"):
        pattern(text)


def test_a_pattern_that_later_pythons_may_read_in_another_way_is_no_noise(recwarn: pytest.WarningsRecorder) -> None:
    assert pattern("[[a]b]").search("[b]")
    assert not recwarn.list
