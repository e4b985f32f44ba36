"""`message_posted`: other code of the site hears of each message, once it is on disk.

Sent by the process that stored it and by no other: the server for what people write and what falls due, `chat_send`
for what it sends, whatever calls `post`. At most once: a process that is killed right after the commit tells nobody.
Nothing of it is done while nobody listens.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from django.db import close_old_connections
from django.dispatch import Signal

from chatcore.events import Message

logger = logging.getLogger(__name__)

#: Messages that may wait for receivers.
_MOST_WAITING = 10_000

#: `sender` is None, `message` the `chatcore.events.Message` as stored; `message.room` is the room's name.
message_posted = Signal()


def tell(messages: Sequence[Message]) -> None:
    """Send the signal for each. A receiver that fails is a line in the log: the message is stored."""
    if not message_posted.has_listeners():
        return
    for message in messages:
        for receiver, answer in message_posted.send_robust(None, message=message):
            if isinstance(answer, Exception):
                logger.error("a receiver of message_posted failed: %r", receiver, exc_info=answer)


class SignalThread:
    """A thread of a server's own for the receivers: however long they take, nobody's message waits for them."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="chat-signals")
        self._waiting = 0
        self._counting = Lock()  # lanes commit side by side

    def tell(self, messages: Sequence[Message]) -> None:
        """Send the signal for each, later. When far too many wait, these are left out, with a line in the log."""
        if self._waiting > _MOST_WAITING:
            logger.error("receivers of message_posted are too slow: %d messages are not told", len(messages))
            return
        try:
            self._executor.submit(self._tell, messages)
        except RuntimeError:  # closed; these are stored, whatever becomes of the signal
            logger.error("message_posted: the server ends, %d messages are not told", len(messages))
            return
        self._count(len(messages))

    def close(self) -> None:
        """Take nothing more; what waits is told before the process ends."""
        self._executor.shutdown(wait=False)

    def _tell(self, messages: Sequence[Message]) -> None:
        close_old_connections()
        try:
            tell(messages)
        finally:
            self._count(-len(messages))
            close_old_connections()

    def _count(self, messages: int) -> None:
        with self._counting:
            self._waiting += messages
