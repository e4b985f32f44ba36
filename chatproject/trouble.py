"""The answer to a request that failed: where only the database is in trouble, 503 instead of 500."""

import sys

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from chatcore.database import trouble
from chatcore.views.page import unavailable


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: asked while the exception is being handled."""
    return defaults.server_error(request) if trouble(sys.exc_info()[1]) is None else unavailable()
