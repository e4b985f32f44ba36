"""The site's settings. `roomline.env` beside manage.py, then the process environment, are read in the one block below.

Importing it needs no setting, no writable folder and no network.
"""

import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from django.utils.functional import SimpleLazyObject

from chatproject.addresses import allowed_hosts, origins, public_url, sender, trusted_proxies
from chatproject.databases import database, identity
from chatproject.environment import Environment
from chatproject.logs import database_in_one_line, without_traceback
from chatproject.secret_key import kept_secret_key
from chatproject.time_zone import time_zone

BASE_DIR = Path(__file__).resolve().parent.parent

# The environment: read here and nowhere else. What a setting means: docs/operations.md and roomline.env.example

env = Environment(BASE_DIR / "roomline.env")

CHAT_VAR_DIR = env.folder("CHAT_VAR_DIR", default=BASE_DIR / "var", home=BASE_DIR)
CHAT_RUN_DIR = env.folder("CHAT_RUN_DIR", default=CHAT_VAR_DIR / "run", home=BASE_DIR)
CHAT_DURABILITY = env.choice("CHAT_DURABILITY", ("full", "normal"), default="full")
CHAT_REDIS_URL = env.url("CHAT_REDIS_URL", ("redis", "rediss", "unix"), example="redis://127.0.0.1:6379")
CHAT_PUBLIC_URL = public_url(env, "CHAT_PUBLIC_URL")
CHAT_TRUSTED_PROXIES = trusted_proxies(env, "CHAT_TRUSTED_PROXIES")
CHAT_SIGNUP = env.flag("CHAT_SIGNUP", default=CHAT_PUBLIC_URL is None)
CHAT_SIGNUP_RATE = env.rate("CHAT_SIGNUP_RATE", default="10/h burst 20")
CHAT_WRONG_PASSWORDS = env.number("CHAT_WRONG_PASSWORDS", default=50, low=5)
CHAT_GUESTS = env.choice("CHAT_GUESTS", ("none", "read"), default="none")
CHAT_ROOM_CREATE = env.choice("CHAT_ROOM_CREATE", ("users", "staff"), default="users" if CHAT_SIGNUP else "staff")
CHAT_DISPLAY_NAME = env.matching("CHAT_DISPLAY_NAME", r"[^\W\d]\w*(\.[^\W\d]\w*)+", example="accounts.names.nickname")
CHAT_MAX_LENGTH = env.number("CHAT_MAX_LENGTH", default=4000, low=1)
CHAT_RATE = env.rate("CHAT_RATE", default="10/s burst 50")
CHAT_HISTORY_RATE = env.rate("CHAT_HISTORY_RATE", default="10/s burst 100")
CHAT_HISTORY_PAGE = env.number("CHAT_HISTORY_PAGE", default=500, low=1)
CHAT_SOCKET_FRAMES = env.rate("CHAT_SOCKET_FRAMES", default="200/s burst 1000")
CHAT_SOCKET_BYTES = env.rate("CHAT_SOCKET_BYTES", default="256000/s burst 4000000")
CHAT_FRAME_BYTES = env.number("CHAT_FRAME_BYTES", default=65_536, low=1000)
CHAT_SOCKETS_PER_PERSON = env.number("CHAT_SOCKETS_PER_PERSON", default=100, low=1)
CHAT_SOCKETS_PER_ADDRESS = env.number("CHAT_SOCKETS_PER_ADDRESS", default=1000, low=1)
CHAT_ROOMS_PER_PERSON = env.number("CHAT_ROOMS_PER_PERSON", default=50, low=1)
CHAT_MEMBERS_PER_ROOM = env.number("CHAT_MEMBERS_PER_ROOM", default=5000, low=1)
CHAT_HANDSHAKE_TIMEOUT = env.number("CHAT_HANDSHAKE_TIMEOUT", default=20, low=1)
CHAT_OUTBOX_BYTES = env.number("CHAT_OUTBOX_BYTES", default=1_048_576, low=1)
CHAT_DATABASE_POOL = env.number("CHAT_DATABASE_POOL", default=10, low=0)
CHAT_COMMIT_THREADS = env.number("CHAT_COMMIT_THREADS", default=4, low=1)
CHAT_API_ORIGINS = origins(env, "CHAT_API_ORIGINS")
CHAT_METRICS = env.choice("CHAT_METRICS", ("off", "local", "all"), default="off")

DEBUG = env.flag("DJANGO_DEBUG", default=False)
TIME_ZONE = time_zone(env, "DJANGO_TIME_ZONE")
SECRET_KEY = env.text("DJANGO_SECRET_KEY") or cast(
    str,
    SimpleLazyObject(lambda: kept_secret_key(CHAT_VAR_DIR / "secret_key")),  # made when somebody signs in
)
DATABASES: dict[str, dict[str, Any]] = {
    "default": database(
        env.text("DATABASE_URL"),
        home=BASE_DIR,
        default=CHAT_VAR_DIR / "chat.sqlite3",
        durable=CHAT_DURABILITY == "full",
    )
}
EMAIL_HOST = env.text("DJANGO_EMAIL_HOST") or ""
SENDS_MAIL = EMAIL_HOST != ""  # else admins help with forgotten passwords
EMAIL_TLS = env.choice("DJANGO_EMAIL_TLS", ("starttls", "tls", "off"), default="starttls")
EMAIL_PORT = env.number("DJANGO_EMAIL_PORT", default={"starttls": 587, "tls": 465, "off": 25}[EMAIL_TLS], low=1)
EMAIL_HOST_USER = env.text("DJANGO_EMAIL_USER") or ""
EMAIL_HOST_PASSWORD = env.text("DJANGO_EMAIL_PASSWORD") or ""
DEFAULT_FROM_EMAIL = env.matching(
    "DJANGO_EMAIL_FROM", r"[^\n]*[^\s@]+@[^\s@]+", default=sender(CHAT_PUBLIC_URL), example="chat@example.org"
)
env.refuse_unknown()

with suppress(OSError):  # a folder that cannot be made: whoever needs it says so
    CHAT_VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# The channel layer: the embedded broker's socket, unless there is a server of one's own

CHAT_BROKER_SOCKET = None if CHAT_REDIS_URL else str(CHAT_RUN_DIR / "valkey.sock")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [
                {
                    "address": CHAT_REDIS_URL or f"unix://{quote(str(CHAT_RUN_DIR))}/valkey.sock",
                    "socket_timeout": 2,  # one lock guards the layer: a broker that hangs must not hang every send
                    "socket_connect_timeout": 2,
                }
            ],
            "prefix": f"roomline-{identity(DATABASES['default'])}",
        },
    }
}

# Django

SPEAKING = [[name] for name in ("chat_send", "chat_tail", "create_room", "chat_rooms", "chat_prune")]
# sign nobody in, and django-axes would cost each 20 ms
ROOT_URLCONF = "chatproject.urls"
ASGI_APPLICATION = "chatproject.asgi.application"
INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # its autodiscovery is in urls.py: commands need no admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *([] if sys.argv[1:2] in SPEAKING else ["axes"]),
    "chatcore",
    "chatcli",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "chatproject.static_files.StaticFilesMiddleware",
    "chatcore.csp.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People: accounts, sessions, hosts

PASSWORDS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{PASSWORDS}.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
SESSION_ENGINE = "chatproject.sessions"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ALLOWED_HOSTS = allowed_hosts(CHAT_PUBLIC_URL)
CSRF_TRUSTED_ORIGINS = [CHAT_PUBLIC_URL] if CHAT_PUBLIC_URL else []
HAS_TLS = (CHAT_PUBLIC_URL or "").startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HAS_TLS
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if HAS_TLS else 0
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_TLS == "starttls", EMAIL_TLS == "tls"
EMAIL_TIMEOUT = 10

# HSTS binds this host alone: its subdomains may be others', and a list in browsers is not to be left again. To send
# people from http:// to https:// is for who has port 80, the proxy: here it would go round in circles behind one that
# does not say which of them it was.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", *(["security.W008"] if HAS_TLS else [])]

# Five wrong passwords for one account from one address, or CHAT_WRONG_PASSWORDS from one address, then no more for a
# quarter of an hour (chatproject.lockout)

AXES_HANDLER = "chatproject.lockout.Attempts"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # who guesses elsewhere must not lock the owner out
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "chatproject.lockout.client_address"
AXES_CLIENT_STR_CALLABLE = "chatproject.lockout.client_in_log"
AXES_LOCKOUT_CALLABLE = "chatproject.lockout.locked_out"

# Languages, times, static files

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # the browser's choice; commands speak English
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# The log goes to stderr. Pages that are refused or not found are no news, a client's mistake is a line and no
# traceback. What the layer's receiver prints each second while its broker is down, chatcore.bell tells once.

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "chatcli.logs.LineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
    },
    "filters": {
        "without_traceback": {"()": lambda: without_traceback},
        "database_in_one_line": {"()": lambda: database_in_one_line},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "mistakes": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_traceback"]},
        "none": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["database_in_one_line"]},
        "django.security": {"handlers": ["mistakes"], "propagate": False},
        "django.security.DisallowedHost": {"handlers": ["none"], "propagate": False},
        "channels_redis.pubsub": {"handlers": ["none"], "propagate": False},
    },
}
