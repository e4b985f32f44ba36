"""What is forgotten after a while: keys, and appointments that are over. And whether anything can be written."""

from datetime import timedelta

from django.utils import timezone

from chatcore.models import Change, Lease, Message, Scheduled
from chatcore.services.transaction import writing

#: For so long a key makes a repeat safe.
KEYS_KEPT = timedelta(days=7)


def forget_keys(limit: int = 500, *, timeout: float = 5.0) -> int:
    """Take up to `limit` old keys from messages and changes, and delete as many old appointments; how many of all."""
    before, forgotten = timezone.now() - KEYS_KEPT, 0
    with writing(timeout, lambda batches: None):
        for rows in (
            Message.objects.filter(key__isnull=False, created_at__lt=before),
            Change.objects.filter(key__isnull=False, at__lt=before),
        ):
            old = list(rows.values_list("pk", flat=True)[:limit])
            forgotten += rows.model.objects.filter(pk__in=old).update(key_scope=None, key=None, key_digest=None)
        over = Scheduled.objects.filter(done_at__lt=before).values_list("pk", flat=True)[:limit]
        forgotten += Scheduled.objects.filter(pk__in=list(over)).delete()[0]
    return forgotten


def check_writable(*, timeout: float) -> None:
    """Raise what the database says, or Unavailable, unless it can be written now. Writes nothing."""
    with writing(timeout, lambda batches: None):
        # SQLite lets a transaction begin in a file that it may only read, and refuses the first statement that writes
        Lease.objects.filter(server="").update(version=0)
