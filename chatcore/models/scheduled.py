"""Messages that wait for their time."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chatcore.models.room import Room


class Scheduled(models.Model):
    """A message that waits for its time. Delivered, it has the message's number, or why it was refused."""

    id = models.UUIDField(primary_key=True, editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="scheduled", db_index=False)
    due_at = models.DateTimeField(_("due"))
    #: The request, as `services.schedule` writes and reads it.
    request = models.JSONField()
    key = models.CharField(max_length=255, null=True)
    key_digest = models.CharField(max_length=32, null=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    done_at = models.DateTimeField(_("done"), null=True)
    seq = models.BigIntegerField(_("number"), null=True)
    failure = models.CharField(_("refused"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("scheduled message")
        verbose_name_plural = _("scheduled messages")
        constraints = [
            models.UniqueConstraint(
                fields=["room", "key"], name="chatcore_scheduled_key", condition=Q(key__isnull=False)
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], name="chatcore_scheduled_due", condition=Q(done_at__isnull=True)),
            models.Index(fields=["room"], name="chatcore_scheduled_room"),
        ]

    def __str__(self) -> str:
        return f"{self.room} at {self.due_at}"
