"""Sign-in after too many wrong passwords: whose attempts count together, and the page that says how long to wait.

django-axes counts them in the database, so that all servers know; the numbers are in the settings.
"""

import math
from ipaddress import IPv6Address, ip_network

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from chatproject.proxies import parsed_address

#: What one subscriber has of IPv6 (RFC 6177): who changes addresses within it is the same client.
_SUBSCRIBER = 64


def client_address(request: HttpRequest) -> str | None:
    """The peer's address as TrustedProxies found it, an IPv6 one as its network; None behind a bare unix socket."""
    address = parsed_address(request.META.get("REMOTE_ADDR") or "")
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _SUBSCRIBER), strict=False).network_address)
    return None if address is None else str(address)


def client_in_log(username: str, address: str | None, *_: object) -> str:
    """Who it was, for the log. Not the name: people type their password there, too."""
    return f"a client at {address or 'the unix socket'}"


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """Says for how long no password is looked at."""
    seconds = _wait(request)
    minutes = math.ceil(seconds / 60)
    response = render(request, "registration/locked_out.html", {"minutes": minutes}, status=429)
    response.headers["Retry-After"] = str(math.ceil(seconds))
    return response


def _wait(request: HttpRequest) -> float:
    """The seconds until the last wrong password is forgotten."""
    handler = AxesProxyHandler.get_implementation()
    counted = handler.get_user_attempts(request, getattr(request, "axes_credentials", None))
    times = [attempts.aggregate(last=Max("attempt_time"))["last"] for attempts in counted]
    latest = max(filter(None, times), default=timezone.now())
    left: float = (latest + get_cool_off(request) - timezone.now()).total_seconds()
    return max(1.0, left)
