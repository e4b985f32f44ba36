"""Which events are shown: by author, kind, priority, tag and text. Pure."""

import re
import warnings
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatcli.numbers import priority
from chatcore.events import Event

KINDS = ("message", "announcement", "notice", "banner")


@dataclass(frozen=True, slots=True)
class Filters:
    """What an event must be to be shown: all of it, each by any of the values given."""

    authors: Sequence[str] = ()
    kinds: Sequence[str] = ()
    min_priority: int = 1
    tags: Sequence[str] = ()
    grep: Sequence[re.Pattern[str]] = ()
    exclude: Sequence[re.Pattern[str]] = ()

    @property
    def match_all(self) -> bool:
        """Whether there is nothing that an event must be."""
        return not (self.authors or self.kinds or self.tags or self.grep or self.exclude) and self.min_priority <= 1

    def matches(self, event: Event) -> bool:
        """Whether the event, as its message is now, is one to be shown.

        Patterns are looked for in the title and in the text. A person is known by the account alone, since
        everybody may call himself anything.
        """
        return (
            (not self.authors or _author(event) in self.authors)
            and (not self.kinds or event.kind in self.kinds)
            and event.priority >= self.min_priority
            and (not self.tags or not set(self.tags).isdisjoint(event.tags))
            and (not self.grep or _found(self.grep, event))
            and not _found(self.exclude, event)
        )


def _author(event: Event) -> str:
    return event.author.name if event.author.type == "user" else event.author.name or event.username


def _found(patterns: Sequence[re.Pattern[str]], event: Event) -> bool:
    return any(pattern.search(part) for pattern in patterns for part in (event.message, event.title or ""))


def pattern(text: str) -> re.Pattern[str]:
    """The type of an option: a regular expression of Python, in which ^ and $ are ends of lines."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python might read in another way
            return re.compile(text, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def add_arguments(parser: ArgumentParser) -> None:
    """The options that `chosen` takes."""
    group = parser.add_argument_group("filters", "all must match; one that is repeated matches with any of its values")

    def add(option: str, dest: str, metavar: str, what: str, **more: Any) -> None:
        group.add_argument(option, dest=dest, action="append", default=[], metavar=metavar, help=what, **more)

    add("--author", "authors", "USER", "of this account, or of the bot of this name")
    add("--kind", "kinds", "KIND", f"of this kind: {', '.join(KINDS)}", choices=KINDS)
    group.add_argument(
        "--min-priority", type=priority, default=1, metavar="P", help="of this priority or a higher one, as 4 or high"
    )
    add("--tag", "tags", "TAG", "with this tag")
    add("--grep", "grep", "RE", "whose text or title has this regular expression", type=pattern)
    add("--exclude", "exclude", "RE", "whose text and title have it not", type=pattern)


def chosen(
    *,
    authors: Sequence[str],
    kinds: Sequence[str],
    min_priority: int,
    tags: Sequence[str],
    grep: Sequence[re.Pattern[str]],
    exclude: Sequence[re.Pattern[str]],
    **_: object,
) -> Filters:
    """What the options say; others are passed over."""
    return Filters(authors, kinds, min_priority, tags, grep, exclude)
