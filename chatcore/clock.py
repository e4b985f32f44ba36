"""What a server does by itself: scheduled messages, expiry, old keys, who is present, and answers to who asks how far
messages have got. Any number of servers may do it at once."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import Error, connection, reset_queries
from django.utils import timezone

from chatcore import history
from chatcore.bell import Batch
from chatcore.database import Commits
from chatcore.exceptions import ChatError, Unavailable
from chatcore.history.presence import People
from chatcore.hub import Census, Hub, Sweep
from chatcore.services import answer_delivery, deliver_due, expire_messages, forget_keys

logger = logging.getLogger(__name__)

#: Seconds between two looks at SQLite's own bell, and between two rounds of what is due.
_LOOK_EVERY, _ROUND_EVERY = 0.05, 1.0
#: Seconds between two rounds that forget old keys, each a small batch.
_FORGET_EVERY = 60.0
#: The time between two looks where the database has no bell of its own.
_LOOK_WITHOUT_BELL = 0.25
#: What was asked longer ago is waited for by nobody.
_STILL_ASKED = timedelta(minutes=1)
#: Seconds for which sockets may take to get what is asked about, before the next look.
_DELIVERY_PATIENCE = 0.5
_MANY_ANSWERS = 1000


class Clock:
    """One thread with its own connection; what it posts is announced in the event loop."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._server = f"{socket.gethostname()}:{os.getpid()}"
        self._census = Census(hub, self._server, self._attend)
        self._sweep = Sweep(hub)
        self._answered: set[str] = set()
        self._commits = Commits()
        self._version: tuple[int | None, int] | None = None
        self._looked, self._forgot, self._trouble = 0.0, time.monotonic(), False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="chat-clock", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Finish the round that runs, and end."""
        self._stopped.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _ROUND_EVERY)

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY) and not self._loop.is_closed():
            try:
                self._look()
            except (Error, ChatError) as error:
                connection.close()
                if not self._trouble:
                    logger.warning("scheduled messages, expiry and presence wait: %s", error)
                self._trouble, self._version = True, None
            except Exception:
                if not self._loop.is_closed():
                    logger.exception("the clock failed; it goes on")
            if settings.DEBUG:
                reset_queries()  # a kept connection would remember every query for ever
        connection.close()

    def _look(self) -> None:
        """See whether somebody asks, and once in a while to what is due."""
        now, seen = time.monotonic(), self._commits.version()
        due = now - self._looked >= _ROUND_EVERY
        told = seen != self._version if seen is not None else now - self._looked >= _LOOK_WITHOUT_BELL
        if not due and not told:
            return
        self._answer()
        if due:
            deliver_due(announce=self._announce)
            expire_messages(announce=self._announce)
            self._looked = now
            self._census.take(now)
            self._show_out(now)
        if now - self._forgot >= _FORGET_EVERY:
            forget_keys()
            self._forgot = now
        self._version, self._trouble = seen, False

    def _announce(self, batches: Sequence[Batch]) -> None:
        self._loop.call_soon_threadsafe(self._hub.announce, batches)

    def _show_out(self, now: float) -> None:
        refused = self._sweep.look(now)
        if refused:
            self._loop.call_soon_threadsafe(self._hub.show_out, refused)

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
