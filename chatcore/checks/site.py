"""Checks of who can reach the site and get into it."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import global_settings, settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from chatcore import conf


def _public_url() -> str:
    return str(getattr(settings, "CHAT_PUBLIC_URL", None) or "")


@register("chatcore")
def sessions_can_be_ended(**kwargs: Any) -> list[CheckMessage]:
    """A session that lies in the cookie alone cannot be taken back: signing out is a request to forget it."""
    if not settings.SESSION_ENGINE.endswith("signed_cookies"):
        return []
    return [
        CheckWarning(
            "Sessions in signed cookies cannot be ended by the server: who copied one stays signed in.",
            hint='Leave SESSION_ENGINE out, or set it to "django.contrib.sessions.backends.cached_db".',
            id="chatcore.W005",
        )
    ]


@register("chatcore")
def people_can_sign_in(**kwargs: Any) -> list[CheckMessage]:
    """The address that Django has by itself is nobody's until the site puts a page there."""
    from django.conf.urls.i18n import is_language_prefix_patterns_used
    from django.urls import Resolver404, resolve

    urlconf = settings.ROOT_URLCONF
    if settings.LOGIN_URL != global_settings.LOGIN_URL or settings.FORCE_SCRIPT_NAME:
        return []  # chosen, perhaps outside of this site
    try:
        resolve(settings.LOGIN_URL, urlconf)
    except Resolver404:
        if not is_language_prefix_patterns_used(urlconf)[0]:
            hint = 'Put a page there, or set LOGIN_URL to yours; "admin:login" is the admin\'s.'
            return [
                CheckWarning(
                    f"Visitors are sent to LOGIN_URL, {settings.LOGIN_URL}, and there is no page.",
                    hint=hint,
                    id="chatcore.W014",
                )
            ]
    return []


@register("chatcore")
def sign_up_is_meant(**kwargs: Any) -> list[CheckMessage]:
    """Anybody who finds the page may make an account."""
    if not _public_url() or not conf.settings.SIGNUP:
        return []
    return [
        CheckWarning(
            f"Anybody who finds {_public_url()} may make an account and write.",
            hint="Set CHAT_SIGNUP=off and make accounts by chat_user create, or silence this check if it is meant.",
            id="chatcore.W007",
        )
    ]


@register("chatcore")
def public_site_has_tls(**kwargs: Any) -> list[CheckMessage]:
    """Passwords and messages in the clear."""
    if not _public_url().startswith("http://"):
        return []
    return [
        CheckWarning(
            f"{_public_url()} has no TLS: passwords and messages can be read on their way.",
            hint="Put a proxy with a certificate before it and set CHAT_PUBLIC_URL=https://...",
            id="chatcore.W008",
        )
    ]


@register("chatcore")
def public_site_keeps_its_errors_to_itself(**kwargs: Any) -> list[CheckMessage]:
    """A page of DEBUG shows settings and code, and memory grows with each query."""
    if not settings.DEBUG or not _public_url():
        return []
    return [
        CheckWarning(
            f"DEBUG is on at {_public_url()}: a page with an error shows code and data to strangers.",
            hint="Set DJANGO_DEBUG=off.",
            id="chatcore.W009",
        )
    ]


@register("chatcore")
def hosts_are_named(**kwargs: Any) -> list[CheckMessage]:
    """Each name is a host for which a foreign page could open a socket with a visitor's cookie."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        CheckWarning(
            'ALLOWED_HOSTS has "*": a page of any host name that leads here may open sockets as its visitor.',
            hint="Name the site's hosts, or set CHAT_PUBLIC_URL, from which they follow.",
            id="chatcore.W011",
        )
    ]


@register("chatcore")
def own_host_is_allowed(**kwargs: Any) -> list[CheckMessage]:
    """The site's own address would be answered with 400."""
    from django.http.request import validate_host  # not with every command: they all import this module

    host = urlsplit(_public_url()).hostname
    if host is None and not settings.ALLOWED_HOSTS and not settings.DEBUG:  # with which Django allows localhost
        return [
            Error(
                "ALLOWED_HOSTS is empty and DEBUG is off: the site would answer nobody.",
                hint="Set CHAT_PUBLIC_URL=https://chat.example.org, or ALLOWED_HOSTS=['localhost', '127.0.0.1'].",
                id="chatcore.E003",
            )
        ]
    if host is None or validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        return []
    return [
        Error(
            f"ALLOWED_HOSTS does not have {host}, where CHAT_PUBLIC_URL says the site is: it would answer nobody.",
            hint=f"Add {host!r} to ALLOWED_HOSTS, or leave ALLOWED_HOSTS to CHAT_PUBLIC_URL.",
            id="chatcore.E002",
        )
    ]


@register("chatcore", deploy=True)
def public_address_is_set(**kwargs: Any) -> list[CheckMessage]:
    """Only for deployment: at home the site is this machine's own."""
    if _public_url():
        return []
    return [
        CheckWarning(
            "CHAT_PUBLIC_URL is not set: the site answers at this machine's own addresses only.",
            hint="Set CHAT_PUBLIC_URL=https://chat.example.org, from which hosts, origins and secure cookies follow.",
            id="chatcore.W012",
        )
    ]


@register("chatcore", deploy=True)
def people_are_held_back(**kwargs: Any) -> list[CheckMessage]:
    """Only for deployment: benches switch it off."""
    if conf.settings.RATE != "off":
        return []
    return [
        CheckWarning(
            "CHAT_RATE is off: one person can fill the rooms of all.",
            hint="Leave CHAT_RATE out, or set it to a rate such as 10/s burst 50.",
            id="chatcore.W013",
        )
    ]
