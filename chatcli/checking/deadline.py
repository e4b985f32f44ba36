"""Each look has a time after which it has failed: a frozen broker or a disk that hangs must not hang the check."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from django.db import connections

from chatcli.checking.findings import Finding, Level

#: Seconds for one part. What is inside has shorter deadlines of its own; this is for what cannot have one.
PART_S = 20.0

_Item = Finding | BaseException | None


def within_time(part: str, look: Callable[[], Iterable[Finding]], seconds: float = PART_S) -> Iterator[Finding]:
    """The findings of `look()`, which runs in a thread of its own, as they come; an error when it takes too long.

    A thread that hangs is left behind: it ends with the process.
    """
    found: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    threading.Thread(target=_run, args=(look, found), name=f"check-{part}", daemon=True).start()
    deadline = time.monotonic() + seconds
    while True:
        try:
            item = found.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            yield Finding(
                part,
                Level.ERROR,
                f"no end after {seconds:g} s",
                "See whether its disk or its host hangs.",
                "chatcore.E109",
            )
            return
        if item is None:
            return
        if isinstance(item, BaseException):
            reason = f"cannot be checked: {type(item).__name__}: {item}"
            yield Finding(part, Level.ERROR, reason, "See the settings of this part.", "chatcore.E108")
            return
        yield item


def _run(look: Callable[[], Iterable[Finding]], found: "queue.SimpleQueue[_Item]") -> None:
    try:
        for finding in look():
            found.put(finding)
        found.put(None)
    except Exception as error:  # what is broken here is what is looked for
        found.put(error)
    finally:
        connections.close_all()
