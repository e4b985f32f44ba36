"""Tokens: what programs sign in with."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chatcore.models.room import Room


class Token(models.Model):
    """What a program may, and by which secret it is known: of that only the digest is kept.

    A revoked one stays, so that its program is told what has become of it; its name may be another one's.
    """

    class Kind(models.TextChoices):
        TOKEN = "token", _("token")
        HOOK = "hook", _("hook")

    #: The public part of its text, which messages and logs name.
    id = models.CharField(primary_key=True, max_length=12, editable=False)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind.choices, default=Kind.TOKEN)
    name = models.CharField(_("name"), max_length=150)
    #: SHA-256 of the secret part of its text, which is too long and random to be guessed from it.
    digest = models.CharField(max_length=64, editable=False)
    #: Rooms that are named whole: renamed and deleted, they are what the token may see under their new name, or not.
    rooms = models.ManyToManyField(Room, verbose_name=_("rooms"), related_name="tokens", blank=True)
    #: Patterns of rooms' keys, which mean public rooms alone.
    globs = models.JSONField(_("patterns"), default=list, blank=True)
    can_read = models.BooleanField(_("may read"), default=False)
    can_send = models.BooleanField(_("may send"), default=True)
    #: As CHAT_RATE, which holds where it is empty.
    rate = models.CharField(_("rate"), max_length=50, blank=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    #: Exact to a minute.
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        constraints = [
            models.UniqueConstraint(fields=["name"], name="chatcore_token_name", condition=Q(revoked_at__isnull=True))
        ]

    def __str__(self) -> str:
        return self.name
