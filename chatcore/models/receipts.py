"""Questions to the running servers, and their answers."""

from django.db import models
from django.utils import timezone


class Inquiry(models.Model):
    """Somebody asks all running servers how many of their sockets have got some events; forgotten soon."""

    id = models.UUIDField(primary_key=True, editable=False)
    #: Pairs of a room's id and a rev.
    events = models.JSONField()
    asked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.id)


class Answer(models.Model):
    """How many sockets of one server have got what an inquiry asks for."""

    inquiry = models.ForeignKey(Inquiry, on_delete=models.CASCADE, related_name="answers", db_index=False)
    #: `hostname:pid`.
    server = models.CharField(max_length=300)
    sockets = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inquiry", "server"], name="chatcore_answer_once")]

    def __str__(self) -> str:
        return f"{self.server}: {self.sockets}"
