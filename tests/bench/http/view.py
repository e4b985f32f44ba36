"""The peer of the bench: a view as the Channels tutorial's reader writes it, who lets scripts speak into a room.

It stores one row, sends to the group, and answers; synchronous, as most views are. Daphne, and the database's settings
as the site has them. No token, no numbers, no keys, no limits.

usage: daphne tests.bench.http.view:application; VIEW_FOLDER is for its database, VIEW_REDIS names a broker.
"""

import json
import os
from pathlib import Path

import django
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.urls import path

from chatproject.databases import database

FOLDER = Path(os.environ["VIEW_FOLDER"])

settings.configure(
    SECRET_KEY="of a bench on the loopback",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": database(None, home=FOLDER, default=FOLDER / "view.sqlite3", durable=True)},
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["VIEW_REDIS"]]},
        }
    },
)
django.setup()


class Message(models.Model):
    """One row."""

    room = models.CharField(max_length=64, db_index=True)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects: models.Manager["Message"] = models.Manager()

    class Meta:
        app_label = "view"

    def __str__(self) -> str:
        return self.text


def post(request: HttpRequest, room: str) -> JsonResponse:
    """Store it, tell the group."""
    text = json.loads(request.body)["message"]
    message = Message.objects.create(room=room, text=text)
    layer = get_channel_layer()
    assert layer is not None
    async_to_sync(layer.group_send)(f"chat_{room}", {"type": "chat.message", "message": text})
    return JsonResponse({"id": message.pk, "message": text}, status=201)


urlpatterns = [path("rooms/<slug:room>/messages", post)]
with connection.schema_editor() as editor:
    editor.create_model(Message)
application = get_asgi_application()
