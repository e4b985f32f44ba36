"""A tail from its options to its end: what `chat_tail` and `roomline tail` share."""

import asyncio
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from chatcli import filters
from chatcli.console import Console, one_line
from chatcli.tail import forms, options
from chatcli.tail.cursor import CursorFile
from chatcli.tail.delivery import Delivery
from chatcli.tail.ending import Signalled, die_of, leave
from chatcli.tail.progress import Progress
from chatcli.tail.selection import Selection
from chatcli.tail.session import Session
from chatcli.tail.sinks import Printing
from chatcli.tail.source import Source
from chatcore.exceptions import ChatError


class Surroundings(NamedTuple):
    """In what a tail runs: where it prints, who is told what is no data, and whether the process is its own."""

    console: Console
    #: The streams themselves: of the one we see whether its reader has gone, on the other a last line is written.
    output: Any
    errors: Any
    talk: Callable[[str], None]
    own_process: bool
    #: With what an error begins.
    speaker: str


def add_arguments(parser: ArgumentParser) -> None:
    """The options that `run` takes."""
    options.add_arguments(parser)
    filters.add_arguments(parser)
    forms.add_arguments(parser)


def run(source: Source, around: Surroundings, *, rooms: Sequence[str], all_rooms: bool, **given: Any) -> None:
    """Print, or hand on, what the source's rooms hold and what comes to them, until the end. A ChatError."""
    wanted = options.wanted(**given)
    selection = Selection(rooms, all_rooms)
    sink = forms.sink(around.console, around.talk, **given)
    with ExitStack() as held:
        file = None
        if wanted.cursor_file is not None:
            file = CursorFile(wanted.cursor_file)
            held.enter_context(file.held())
        progress = Progress(selection, wanted.start, wanted.until, file)
        delivery = Delivery(sink, filters.chosen(**given), progress, wanted)
        session = Session(source, wanted, selection, progress, delivery, around.talk)
        printing = isinstance(sink, Printing)
        try:
            asyncio.run(session.run(around.output if printing else None, signals=around.own_process))
        except Signalled as signalled:
            die_of(signalled.number)
        except ChatError as error:
            if around.own_process and isinstance(sink, Printing) and sink.stuck:
                leave(around.errors, f"{around.speaker}: {one_line(str(error))}\n", error.exit_code)
            raise
