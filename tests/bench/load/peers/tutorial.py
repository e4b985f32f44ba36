"""The chat of the Channels tutorial as one Daphne serves it: a group a room, `group_send` a message. Stores nothing.

usage: daphne tests.bench.load.peers.tutorial:application; TUTORIAL_REDIS names a broker for the pub/sub layer, without
it the layer is in memory.
"""

import json
import os

import django
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path

REDIS = os.environ.get("TUTORIAL_REDIS")
IN_MEMORY = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
PUBSUB = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS]}}

settings.configure(
    SECRET_KEY="of a bench on the loopback",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    CHANNEL_LAYERS={"default": PUBSUB if REDIS else IN_MEMORY},
)
django.setup()


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket in one room."""

    async def connect(self) -> None:
        self.group = f"chat_{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data or "")["message"]
        await self.channel_layer.group_send(self.group, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, str]) -> None:
        await self.send(text_data=json.dumps({"message": event["message"]}))


sockets = URLRouter([re_path(r"^ws/chat/(?P<room>[\w-]+)/$", ChatConsumer.as_asgi())])  # type: ignore[arg-type, list-item]
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets))}
)
