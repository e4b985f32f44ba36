"""How often the site writes to one address, so that nobody can have it flood another's mailbox."""

from threading import Lock

from chatcore.rates import Buckets, Rate

_RATE = Rate(steady=3 / 3600, burst=3)
_buckets = Buckets()
_lock = Lock()


def may_mail(address: str) -> bool:
    """Whether another mail may go to this address now: three, then one every twenty minutes, for each server."""
    with _lock:
        return not _buckets.wait(address.casefold(), _RATE)
