"""When the site writes mails: not too often to one address, and after the answer to who had them written."""

import threading
from collections.abc import Callable

from django.utils import translation

from chatcore.rates import Buckets, Rate

_RATE = Rate(steady=3 / 3600, burst=3)
_buckets = Buckets()


def may_mail(address: str) -> bool:
    """Whether another mail may go to this address now: three, then one every twenty minutes, for each server."""
    return not _buckets.wait(address.casefold(), _RATE)


def mail_later(send: Callable[[], object]) -> None:
    """Send in a thread of its own, in the language of now: how long a mail takes would tell that there is an account.

    A server that stops waits for it.
    """
    language = translation.get_language()

    def run() -> None:
        with translation.override(language):
            send()

    threading.Thread(target=run, name="chat-mail").start()
