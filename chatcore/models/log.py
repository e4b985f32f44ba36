"""The log of each room: messages, and what happened to them later."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatcore.models.room import Room


class Message(models.Model):
    """One message of a room's log. Its `seq` and `rev` never change; editing and deleting add a `Change`."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("message")
        ANNOUNCEMENT = "announcement", _("announcement")
        NOTICE = "notice", _("notice")
        BANNER = "banner", _("banner")

    class AuthorType(models.TextChoices):
        USER = "user", _("user")
        BOT = "bot", _("bot")
        SYSTEM = "system", _("system")
        GUEST = "guest", _("guest")
        TOKEN = "token", _("token")

    class Source(models.TextChoices):
        CLI = "cli", _("command line")
        WEB = "web", _("page")
        HTTP = "http", _("HTTP")
        CODE = "code", _("code")

    id = models.UUIDField(primary_key=True, editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField(_("number"))
    rev = models.BigIntegerField()
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    text = models.TextField(_("text"), blank=True)
    #: The name that people saw when it was written.
    username = models.CharField(_("name"), max_length=150)
    author_type = models.CharField(_("author"), max_length=6, choices=AuthorType.choices)
    #: The account's primary key as text, no foreign key: accounts may live elsewhere, or be deleted.
    author_id = models.CharField(max_length=64, blank=True)
    author_name = models.CharField(_("account"), max_length=150, blank=True)
    source = models.CharField(_("from"), max_length=4, choices=Source.choices)
    created_at = models.DateTimeField(_("sent"))
    edited_at = models.DateTimeField(_("edited"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True)
    #: Who may repeat the key: `u:<account>`, `t:<token>`, `cli`, `sched`.
    key_scope = models.CharField(max_length=80, null=True)
    key = models.CharField(max_length=255, null=True)
    #: Digest of the request, by which a repeat is told from another request under the same key.
    key_digest = models.CharField(max_length=32, null=True)
    #: A name under which the message is kept up to date by later ones.
    slot = models.CharField(max_length=100, null=True)
    #: The rare attributes: title, priority, tags, format, url, reply_to, mentions.
    extra = models.JSONField(null=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="chatcore_message_seq"),
            models.UniqueConstraint(fields=["room", "rev"], name="chatcore_message_rev"),
            models.UniqueConstraint(
                fields=["room", "key_scope", "key"],
                name="chatcore_message_key",
                condition=Q(key__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["room", "created_at"], name="chatcore_message_time"),
            models.Index(
                fields=["expires_at"],
                name="chatcore_message_expiry",
                condition=Q(expires_at__isnull=False, deleted_at__isnull=True),
            ),
            models.Index(fields=["room", "seq"], name="chatcore_message_banner", condition=Q(kind="banner")),
            models.Index(fields=["room", "slot", "seq"], name="chatcore_message_slot", condition=Q(slot__isnull=False)),
            models.Index(fields=["created_at"], name="chatcore_message_keyed", condition=Q(key__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.room} #{self.seq}"


class Change(models.Model):
    """What happened to a message later. A row of its own with a rev of its own, so that no rev ever moves.

    It names the message by its number, not by a foreign key: it outlives a message that was pruned.
    """

    class Kind(models.TextChoices):
        EDIT = "edit", _("edit")
        DELETE = "delete", _("deletion")
        EXPIRE = "expire", _("expiry")

    id = models.UUIDField(primary_key=True, editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="changes", db_index=False)
    rev = models.BigIntegerField()
    seq = models.BigIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    at = models.DateTimeField(_("at"))
    #: `user:<id>`, `system` ...: who did it.
    by = models.CharField(_("by"), max_length=80)
    #: As a message's: the key of a post that edited the message in its slot.
    key_scope = models.CharField(max_length=80, null=True)
    key = models.CharField(max_length=255, null=True)
    key_digest = models.CharField(max_length=32, null=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        constraints = [
            models.UniqueConstraint(fields=["room", "rev"], name="chatcore_change_rev"),
            models.UniqueConstraint(
                fields=["room", "key_scope", "key"],
                name="chatcore_change_key",
                condition=Q(key__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["at"], name="chatcore_change_keyed", condition=Q(key__isnull=False))]

    def __str__(self) -> str:
        return f"{self.room} #{self.seq} {self.kind}"
