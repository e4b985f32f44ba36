"""`--wait`: until the running servers or the readers have what is stored already."""

import time
from collections.abc import Sequence

from django.core.management.base import CommandError

from chatcli import server_record
from chatcli.base import LocalCommand
from chatcli.sending.options import Options, Wait
from chatcli.sending.single import report
from chatcli.sending.storing import anywhere
from chatcore import history, services
from chatcore.database import explaining
from chatcore.exceptions import ChatError
from chatcore.services import Posted

TIMED_OUT = 124
POLL_S = 0.05
#: Seconds more for servers on other machines, of which nobody here knows how many there are.
ELSEWHERE_S = 1.0


def report_when_there(
    command: LocalCommand, options: Options, wait: Wait, stored: Sequence[Posted], far: str, *, until: float
) -> None:
    """Report each message once it has got as far as wished; in vain: as it is, then CommandError (124)."""
    counts: list[int | None] = [None] * len(stored)
    done = False
    reached = "delivered" if wait.what == "pushed" else "seen"
    try:
        with explaining():
            if wait.what == "pushed":
                reason = "no running server has said that it has it"
                if server_record.live_record() is None and not anywhere():
                    reason = "no server runs here (./manage.py runchat)"
                counts, done = sockets_of(stored, until=until)
            else:
                counts, done = readers_of(stored, wait.readers, until=until)
                reason = f"{min(filter(None, counts), default=0)} of {wait.readers} have read it"
        reason += f": --timeout {options.timeout:g} s ran out"
    except ChatError:  # it is stored all the same: what the error says of that is not true here
        reason = "the database no longer says how far it has got"
    if done and reached == "delivered":
        far = "pushed"
    for posted, count in zip(stored, counts, strict=True):
        report(command, options, posted, far, **{reached: count})
    if not done:
        raise CommandError(f"stored as {_places(stored)}, but {reason}", returncode=TIMED_OUT)


def sockets_of(stored: Sequence[Posted], *, until: float) -> tuple[list[int | None], bool]:
    """How many sockets have got each message, by the servers' own word; whether all of those here have answered."""
    inquiries = [
        services.ask_delivery([(posted.message.room, posted.message.rev)], timeout=max(0.0, until - time.monotonic()))
        for posted in stored
    ]
    complete_since: float | None = None
    while True:
        answers = [history.deliveries(inquiry) for inquiry in inquiries]
        here = server_record.names_here().keys()
        complete = all(given and here <= given.keys() for given in answers)
        now = time.monotonic()
        complete_since = (complete_since or now) if complete else None
        enough = complete_since is not None and now - complete_since >= (ELSEWHERE_S if anywhere() else 0.0)
        if enough or now >= until:
            return [sum(given.values()) if given else None for given in answers], complete
        time.sleep(min(POLL_S, max(0.0, until - now)))


def readers_of(stored: Sequence[Posted], wanted: int, *, until: float) -> tuple[list[int | None], bool]:
    """How many people have read each message; whether so many as wanted have read all."""
    while True:
        counts = [history.readers_of(posted.message.room, posted.message.seq) for posted in stored]
        done = min(counts) >= wanted
        now = time.monotonic()
        if done or now >= until:
            return list(counts), done
        time.sleep(min(POLL_S, max(0.0, until - now)))


def _places(stored: Sequence[Posted], shown: int = 3) -> str:
    places = ", ".join(f"{posted.message.room} #{posted.message.seq}" for posted in stored[:shown])
    return places + (f" and {len(stored) - shown} more" if len(stored) > shown else "")
