"""`--at`, `--in`, `--cancel`: messages for later, and those that shall not come after all."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chatcli import server_record
from chatcli.base import LocalCommand
from chatcli.sending.answers import described
from chatcli.sending.options import Options
from chatcli.sending.storing import anywhere, creating_rooms, retrying
from chatcli.times import when
from chatcore import services
from chatcore.services import Appointment, Post


def schedule(command: LocalCommand, options: Options, posts: Sequence[Post]) -> None:
    """Keep the posts until their time, all or none, and report each."""
    due_at = options.at or datetime.now(UTC) + (options.delay or timedelta())

    def attempt(seconds: float) -> list[Appointment]:
        return services.schedule_messages(posts, due_at, timeout=seconds)

    kept = retrying(
        creating_rooms(attempt, options, posts),
        options.retry,
        until=time.monotonic() + options.timeout,
        repeatable=all(post.key is not None for post in posts),
    )
    for appointment in kept:
        again = appointment.duplicate and options.key is not None
        line = f"scheduled {appointment.room} {appointment.id} for {when(appointment.due_at)}"
        _report(
            command, options, appointment,
            line + (" (already scheduled)" if again else ""), "duplicate" if again else "scheduled",
        )  # fmt: skip
    if not anywhere() and server_record.live_record() is None:
        command.warn("no server runs here: it is sent once one does (./manage.py runchat)")


def cancel(command: LocalCommand, options: Options) -> None:
    """Do not send what was scheduled. NotFound when nothing waits under this id."""
    wanted = options.cancel or ""

    def attempt(seconds: float) -> Appointment:
        return services.cancel_message(wanted, timeout=seconds)

    until = time.monotonic() + options.timeout
    appointment = retrying(attempt, options.retry, until=until, repeatable=False)
    line = f"cancelled {appointment.room} {appointment.id}, which was for {when(appointment.due_at)}"
    _report(command, options, appointment, line, "cancelled")


def _report(command: LocalCommand, options: Options, appointment: Appointment, line: str, status: str) -> None:
    content = described(status, appointment.message)
    content.update(id=appointment.id, due_at=appointment.due_at)
    command.report(line, content, json=options.json, verbosity=options.verbosity)
