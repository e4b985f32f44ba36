"""Rooms."""

import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def new_epoch() -> str:
    """A name for one history of a room: it changes when a copy of the database is restored."""
    return uuid.uuid4().hex


class Rooms(models.Manager["Room"]):
    """The rooms that there are: one that is being imported is none yet, and has no epoch."""

    def get_queryset(self) -> "models.QuerySet[Room]":
        return super().get_queryset().exclude(epoch="")


class Unfinished(models.Manager["Room"]):
    """What imports write into. Their keys hold a capital letter, so that no name leads there."""

    def get_queryset(self) -> "models.QuerySet[Room]":
        return super().get_queryset().filter(epoch="")


class Room(models.Model):
    """A room and its two counters: `last_seq` numbers messages, `head` every event of its log.

    `floor` is the rev up to which the log was pruned, `seq_floor` the number up to which messages were: rows that
    are still there at or below them are nobody's to read. The row's lock orders all that is written to the room.
    """

    name = models.CharField(_("name"), max_length=64)
    #: NFKC(casefold(NFKC(name))), computed in Python: databases fold case in different ways.
    name_key = models.CharField(max_length=256, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=200, blank=True)
    topic = models.CharField(_("topic"), max_length=1000, blank=True)
    private = models.BooleanField(_("private"), default=False)
    announce_only = models.BooleanField(_("announcements only"), default=False)
    #: Longest text in characters; null is the site's limit.
    max_length = models.PositiveIntegerField(_("longest message"), null=True, blank=True)
    #: How long messages are kept; null is for ever.
    retention: "models.DurationField[timedelta | None, timedelta | None]" = models.DurationField(
        _("kept for"), null=True, blank=True
    )
    last_seq = models.BigIntegerField(default=0, editable=False)
    head = models.BigIntegerField(default=0, editable=False)
    floor = models.BigIntegerField(default=0, editable=False)
    seq_floor = models.BigIntegerField(default=0, editable=False)
    epoch = models.CharField(max_length=32, default=new_epoch, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)

    objects = Rooms()
    unfinished = Unfinished()

    class Meta:
        ordering = ["name_key"]
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return self.name
