"""Who belongs to what, has read how far, and may not write."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chatcore.models.room import Room


class Membership(models.Model):
    """That an account belongs to a room, and as what."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        MODERATOR = "moderator", _("moderator")
        MEMBER = "member", _("member")

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user_id = models.CharField(max_length=64)
    user_name = models.CharField(_("account"), max_length=150)
    role = models.CharField(_("role"), max_length=9, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["room", "user_id"], name="chatcore_membership_once")]
        indexes = [models.Index(fields=["user_id"], name="chatcore_membership_user")]

    def __str__(self) -> str:
        return f"{self.user_name} in {self.room} ({self.role})"


class ReadMark(models.Model):
    """How far somebody has read a room: the number of the last message acknowledged."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="read_marks", db_index=False)
    user_id = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user_id"], name="chatcore_readmark_once")]

    def __str__(self) -> str:
        return f"{self.user_id} read {self.room} to #{self.seq}"


class Sanction(models.Model):
    """That an account may only read (mute) or not even that (ban), everywhere, until a time or for good."""

    class Kind(models.TextChoices):
        MUTE = "mute", _("muted")
        BAN = "ban", _("banned")

    user_id = models.CharField(max_length=64)
    user_name = models.CharField(_("account"), max_length=150)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind.choices)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    by = models.CharField(_("by"), max_length=80, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("mute or ban")
        verbose_name_plural = _("mutes and bans")
        constraints = [models.UniqueConstraint(fields=["user_id", "kind"], name="chatcore_sanction_once")]

    def __str__(self) -> str:
        return f"{self.user_name}: {self.kind}"
