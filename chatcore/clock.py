"""What a server does by itself: scheduled messages, expiry, retention, old keys, who is present, and answers to who
asks how far messages have got. Any number of servers may do it at once."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import chain

from django.conf import settings
from django.db import Error, connections, reset_queries
from django.utils import timezone

from chatcore import history, metrics
from chatcore.bell import Batch
from chatcore.credentials import Credentials
from chatcore.database import Commits, keep_connections, opening, reason_of
from chatcore.exceptions import ChatError, Unavailable
from chatcore.history.presence import People
from chatcore.hub import Census, Hub, Sweep
from chatcore.services import answer_delivery, deliver_due, expire_messages, forget_keys
from chatcore.services.exclusion import Busy, only_one_prunes
from chatcore.services.importing import forgotten_imports
from chatcore.services.pruning import prune_rooms
from chatcore.services.upkeep import check_writable
from chatcore.signals import SignalThread

logger = logging.getLogger(__name__)

#: Seconds between two looks at SQLite's own bell, and between two rounds of what is due.
_LOOK_EVERY, _ROUND_EVERY = 0.05, 1.0
#: Seconds between two rounds that forget old keys, and keys of one small batch: after a full one the next comes soon.
_FORGET_EVERY, _FORGET_AT_ONCE = 60.0, 500
#: Seconds between two runs of retention through all rooms, and of each round that works at one.
_PRUNE_EVERY, _PRUNE_FOR = 60.0, 0.05
#: Seconds that retention may wait for other writers, before the next round.
_PRUNE_PATIENCE = 0.5
#: Seconds between two tries whether the database can be written, and that such a one waits for other writers.
_TRY_EVERY, _TRY_PATIENCE = 10.0, 0.5
#: Seconds that the time of a token's last use may wait for other writers, before its next use.
_USES_PATIENCE = 0.5
#: The time between two looks where the database has no bell of its own.
_LOOK_WITHOUT_BELL = 0.25
#: What was asked longer ago is waited for by nobody.
_STILL_ASKED = timedelta(minutes=1)
#: Seconds for which sockets may take to get what is asked about, before the next look.
_DELIVERY_PATIENCE = 0.5
_MANY_ANSWERS = 1000


class Clock:
    """One thread with its own connection; what it posts is announced in the event loop."""

    def __init__(self, hub: Hub, credentials: Credentials) -> None:
        self._hub, self._credentials = hub, credentials
        self._server = f"{socket.gethostname()}:{os.getpid()}"
        self._signals = SignalThread()
        self._census = Census(hub, self._server, self._attend)
        self._sweep = Sweep(hub)
        self._answered: set[str] = set()
        self._commits = Commits()
        self._version: tuple[int | None, int] | None = None
        self._looked, self._forgot, self._trouble = 0.0, time.monotonic(), False
        self._pruning: Iterator[object] | None = None
        self._pruned = time.monotonic() - _PRUNE_EVERY
        #: When it last went its way, could read, and could write, of `time.monotonic`.
        self.beat = self.read_at = self.wrote_at = time.monotonic()
        self._tried = self._unwritable = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._hub.lookout.listener.serve(self._server)
        self._hub.lookout.listener.nudged = self._sweep.nudge
        self._thread = threading.Thread(target=self._run, name="chat-clock", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    async def close(self) -> None:
        """Finish the round that runs, and end."""
        self._stopped.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _ROUND_EVERY)
        self._signals.close()

    def _run(self) -> None:
        keep_connections()
        while not self._stopped.wait(_LOOK_EVERY) and not self._loop.is_closed():
            self.beat = time.monotonic()
            try:
                with opening():
                    self._look()
            except (Error, ChatError) as error:
                connections.close_all()
                if not self._trouble:
                    logger.warning("scheduled messages, expiry and presence wait: %s", reason_of(error))
                self._trouble, self._version = True, None
            except Exception:
                if not self._loop.is_closed():
                    logger.exception("the clock failed; it goes on")
            if settings.DEBUG:
                reset_queries()  # a kept connection would remember every query for ever
        connections.close_all()

    def _look(self) -> None:
        """See whether somebody asks, and once in a while to what is due."""
        now, seen = time.monotonic(), self._commits.version()
        self._show_out(now)
        due = now - self._looked >= _ROUND_EVERY
        told = seen != self._version if seen is not None else now - self._looked >= _LOOK_WITHOUT_BELL
        if not due and not told:
            return
        self._answer()
        self.read_at = time.monotonic()
        if due:
            metrics.clock_lag.observe(now - self._looked - _ROUND_EVERY if self._looked else 0.0)
            self._try_to_write(now)
            deliver_due(announce=self._announce, tell=self._signals.tell)
            expire_messages(announce=self._announce)
            self._credentials.save_uses(timeout=_USES_PATIENCE)
            self._looked = now
            self._census.take(now)
            if now - self._forgot >= _FORGET_EVERY and forget_keys(_FORGET_AT_ONCE) < _FORGET_AT_ONCE:
                self._forgot = now
            self._prune()
            metrics.clock_round.observe(time.monotonic() - now)
        self._version = seen
        if due and self._trouble:
            logger.warning("scheduled messages, expiry and presence go on")
            self._trouble = False

    def _try_to_write(self, now: float) -> None:
        """Once in a while, whether the database could be written, which a quiet server would not notice."""
        if now - self.wrote_at < _TRY_EVERY and self._tried:
            return
        self._tried = True
        try:
            check_writable(timeout=_TRY_PATIENCE)
        except (Error, ChatError) as error:
            if not self._unwritable:
                logger.warning("the database cannot be written: %s", reason_of(error))
            self._unwritable = True
            return
        if self._unwritable:
            logger.warning("the database can be written again")
        self.wrote_at, self._unwritable = time.monotonic(), False

    def _prune(self) -> None:
        """A few steps of a run through all rooms, unless another process is at it: then that one does them."""
        began = time.monotonic()
        if self._pruning is None:
            if began - self._pruned < _PRUNE_EVERY:
                return
            self._pruning = chain(forgotten_imports(timeout=_PRUNE_PATIENCE), prune_rooms(timeout=_PRUNE_PATIENCE))
        with suppress(Busy), only_one_prunes(0):
            steps, self._pruning = self._pruning, None  # a run that fails is over
            while (step := time.monotonic()) - began < _PRUNE_FOR:
                if next(steps, None) is None:
                    self._pruned = began
                    return
                self._stopped.wait(time.monotonic() - step)  # others come first
            self._pruning = steps

    def _announce(self, batches: Sequence[Batch]) -> None:
        self._loop.call_soon_threadsafe(self._hub.announce, batches)

    def _show_out(self, now: float) -> None:
        news = self._sweep.look(now)
        if news.refused:
            self._loop.call_soon_threadsafe(self._hub.show_out, news.refused)
        if news.ended:
            self._loop.call_soon_threadsafe(self._hub.sign_out, news.ended)
        if news.renewed:
            self._loop.call_soon_threadsafe(self._hub.renew, news.renewed)

    def _attend(self, found: Mapping[int, People]) -> None:
        self._loop.call_soon_threadsafe(self._hub.attend, found)

    def _answer(self) -> None:
        """Say to whoever asks how many sockets here have got what they ask about."""
        for inquiry, events in history.open_inquiries(timezone.now() - _STILL_ASKED):
            if inquiry in self._answered:
                continue
            counting = asyncio.run_coroutine_threadsafe(self._hub.reached(events), self._loop)
            try:
                sockets = counting.result(_DELIVERY_PATIENCE)
                answer_delivery(inquiry, self._server, sockets)
            except (TimeoutError, Unavailable):
                counting.cancel()
                continue  # at the next look
            if len(self._answered) > _MANY_ANSWERS:
                self._answered.clear()
            self._answered.add(inquiry)
