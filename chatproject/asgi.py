"""The ASGI application: Django's pages and the chat's sockets behind the proxies that the site trusts."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
pages = get_asgi_application()  # loads the apps: what imports models comes after it

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from chatcore.routing import chat_application  # noqa: E402
from chatproject.databases import pool_connections  # noqa: E402
from chatproject.proxies import TrustedProxies  # noqa: E402

connections.close_all()  # what is open is not the pool's
pool_connections(settings.DATABASES["default"], settings.CHAT_DATABASE_POOL)

application = TrustedProxies(chat_application(http=pages), settings.CHAT_TRUSTED_PROXIES)
