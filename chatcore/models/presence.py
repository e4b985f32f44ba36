"""Who is in which room now, by the sockets of each running server."""

from django.db import models

from chatcore.models.room import Room


class Lease(models.Model):
    """That a server lives, until a time that it renews; a server without people has none.

    `version` moves with each change of its people, so that others read them only then.
    """

    #: `hostname:pid:` and a few random digits: a server that starts again is another one.
    server = models.CharField(max_length=300, unique=True)
    until = models.DateTimeField()
    version = models.BigIntegerField()

    def __str__(self) -> str:
        return self.server


class Presence(models.Model):
    """That an account is in a room by at least one socket of that server, as long as its lease lasts."""

    lease = models.ForeignKey(Lease, on_delete=models.CASCADE, related_name="presences", db_index=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="presences")
    user_id = models.CharField(max_length=64)
    #: The account, and the name that people see.
    user_name = models.CharField(max_length=150)
    username = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lease", "room", "user_id"], name="chatcore_presence_once")]

    def __str__(self) -> str:
        return f"{self.user_name} in {self.room} by {self.lease}"
