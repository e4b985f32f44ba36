"""The Content-Security-Policy of the chat's pages: what is ours, from where it stands, nothing inline."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from chatcore import conf

HEADER = "Content-Security-Policy"


@sync_and_async_middleware
def content_security_policy(view: Callable[..., Any]) -> Callable[..., Any]:
    """Give the view's answers the policy, unless they bring one along.

    A decorator for a view, and as it stands a middleware for a whole site.
    """
    if iscoroutinefunction(view):

        @functools.wraps(view)
        async def guarded_later(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return _with_policy(request, await view(request, *args, **kwargs))

        return guarded_later

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _with_policy(request, view(request, *args, **kwargs))

    return guarded


def _with_policy(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    # Django's pages for developers have their styles and scripts inline; they exist under DEBUG only.
    if conf.settings.CSP == "own" and not (settings.DEBUG and response.status_code in (404, 500)):
        response.headers.setdefault(HEADER, policy(request))
    return response


def _static_origin() -> str:
    """Where static files come from, if that is another host."""
    place = urlsplit(settings.STATIC_URL or "")
    return f" {place.scheme or 'https'}://{place.netloc}" if place.netloc else ""


def policy(request: HttpRequest) -> str:
    """The policy of a page on the request's host.

    'self' covers WebSockets since CSP level 3, but not in Safari before 2022: hence their addresses.
    """
    try:
        sockets = f"ws://{request.get_host()} wss://{request.get_host()}"
    except DisallowedHost:  # answered with 400: no page, no sockets
        sockets = ""
    own = f"'self'{_static_origin()}"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src {own}; font-src {own}; "
        f"connect-src 'self' {sockets}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
