"""The tables: rooms, the log of each (messages and changes), who belongs to what. Fields and constraints only."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def new_epoch() -> str:
    """A name for one history of a room: it changes when a copy of the database is restored."""
    return uuid.uuid4().hex


class Room(models.Model):
    """A room and its two counters: `last_seq` numbers messages, `head` every event of its log.

    `floor` is the rev up to which the log was pruned. The row's lock orders all that is written to the room.
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
    epoch = models.CharField(max_length=32, default=new_epoch, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name_key"]
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return self.name


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
            models.Index(fields=["room", "slot"], name="chatcore_message_slot", condition=Q(slot__isnull=False)),
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
