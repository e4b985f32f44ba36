"""Too many wrong passwords, for one account or for many from one address: whose attempts count together, and the page
that says how long to wait. And too many new accounts.

django-axes counts them in the database, so that all servers know; the numbers are in the settings.
"""

import math
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db.models import Max, Min, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from chatcore import conf
from chatcore.rates import Buckets, parsed_rate
from chatproject.proxies import parsed_address

#: What one subscriber has of IPv6 (RFC 6177): who changes addresses within it is the same client.
_SUBSCRIBER = 64
_signups = Buckets()


class Attempts(AxesDatabaseHandler):  # type: ignore[misc]
    """As django-axes counts, and all of one address together, whatever the accounts."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Whether no password is looked at."""
        return bool(super().is_locked(request, credentials)) or is_spraying(request)


def is_spraying(request: HttpRequest) -> bool:
    """Whether too many wrong passwords came from this address, for whatever accounts."""
    found = _of_address(request)
    return found is not None and (found.aggregate(n=Sum("failures_since_start"))["n"] or 0) >= _most()


def _most() -> int:
    return int(conf.settings.WRONG_PASSWORDS)


def _of_address(request: HttpRequest) -> "QuerySet[AccessAttempt] | None":
    """The wrong passwords of this address that still count; None of one that stands for many people."""
    if (address := _single_address(request)) is None:
        return None
    since = timezone.now() - get_cool_off(request)
    return AccessAttempt.objects.filter(ip_address=address, attempt_time__gt=since)  # type: ignore[no-any-return]


def signup_wait(request: HttpRequest) -> float:
    """Count an account that is made from this address and return 0; the seconds to wait if it is one too many."""
    rate, address = parsed_rate(conf.settings.SIGNUP_RATE), _single_address(request)
    return 0.0 if rate is None or address is None else _signups.wait(address, rate)


def _single_address(request: HttpRequest) -> str | None:
    """The client's address; None for this machine's own and for a unix socket, behind which anybody may be."""
    address = client_address(request)
    return None if address is None or ip_address(address).is_loopback else address


def client_address(request: HttpRequest) -> str | None:
    """The peer's address as TrustedProxies found it, an IPv6 one as its network; None behind a bare unix socket."""
    address = parsed_address(request.META.get("REMOTE_ADDR") or "")
    if isinstance(address, IPv6Address) and not address.is_loopback:
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
    """The seconds until enough wrong passwords are forgotten."""
    if is_spraying(request) and (found := _of_address(request)) is not None:
        return _left(request, found.aggregate(first=Min("attempt_time"))["first"])
    handler = AxesProxyHandler.get_implementation()
    counted = handler.get_user_attempts(request, getattr(request, "axes_credentials", None))
    times = [attempts.aggregate(last=Max("attempt_time"))["last"] for attempts in counted]
    latest = max(filter(None, times), default=timezone.now())
    return _left(request, latest)


def _left(request: HttpRequest, since: datetime) -> float:
    left: float = (since + get_cool_off(request) - timezone.now()).total_seconds()
    return max(1.0, left)
