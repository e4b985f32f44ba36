"""`--edit`, `--delete`, `--banner --clear`: what happens to messages that are there already."""

import time
from collections.abc import Callable
from typing import TypeVar

from chatcli.base import LocalCommand
from chatcli.sending.answers import answer
from chatcli.sending.options import Options
from chatcli.sending.posts import author_of, longest_text, looks_of, rooms_of
from chatcli.sending.storing import Ring, live, retrying, spend
from chatcli.sending.texts import text_of, truncated
from chatcore import history, services
from chatcore.events import Delete, Edit

T = TypeVar("T")


def change(command: LocalCommand, options: Options) -> None:
    """Whichever of the three was asked for."""
    if options.clear:
        clear(command, options)
    elif options.edit is not None:
        edit(command, options)
    else:
        delete(command, options)


def edit(command: LocalCommand, options: Options) -> None:
    """Give the message a new text, and the looks that were given. An edit that was stored twice does no harm."""
    author, room, seq, text = author_of(options), options.room or "", options.edit or 0, text_of(options)
    if options.truncate:
        text = truncated(text, longest_text(history.room_named(room, author)))
    if options.dry_run:
        from chatcli.sending.dry_run import report_edit

        return report_edit(command, options, author, text)
    ring = Ring()

    def attempt(seconds: float) -> Edit:
        spend(author)
        return services.edit_message(
            room, seq, text, author, revision=looks_of(options), announce=ring, timeout=seconds
        )

    event = _retried(attempt, options, repeatable=True)
    return _report(command, options, "edited", event, live(command, ring.rung))


def delete(command: LocalCommand, options: Options) -> None:
    """Empty the message."""
    author, room, seq = author_of(options), options.room or "", options.delete or 0
    if options.dry_run:
        from chatcli.sending.dry_run import report_delete

        return report_delete(command, options, author)
    ring = Ring()

    def attempt(seconds: float) -> Delete:
        spend(author)
        return services.delete_message(room, seq, author, announce=ring, timeout=seconds)

    event = _retried(attempt, options, repeatable=False)
    return _report(command, options, "deleted", event, live(command, ring.rung))


def clear(command: LocalCommand, options: Options) -> None:
    """Take the banners of the rooms away, all or none. That there is none is no failure."""
    author, ring = author_of(options), Ring()
    rooms = rooms_of(options, author)

    def attempt(seconds: float) -> list[Delete]:
        return services.clear_banners(rooms, author, announce=ring, timeout=seconds)

    events = _retried(attempt, options, repeatable=True)
    for event in events:
        _report(command, options, "deleted", event, live(command, ring.rung))
    if not events and not options.json:
        command.report("there is no banner to clear", {}, json=False, verbosity=options.verbosity)


def _retried(attempt: Callable[[float], T], options: Options, *, repeatable: bool) -> T:
    return retrying(attempt, options.retry, until=time.monotonic() + options.timeout, repeatable=repeatable)


def _report(command: LocalCommand, options: Options, status: str, event: Edit | Delete, far: str) -> None:
    line, content = answer(status, event, far)
    command.report(line, content, json=options.json, verbosity=options.verbosity)
