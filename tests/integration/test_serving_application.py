"""Which ASGI application `runchat` serves: what it says of a site's settings that lack a line."""

import io

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.management.base import OutputWrapper
from django.test import override_settings

from chatcli.serving import Serving
from chatcore.exceptions import ChatError

said = io.StringIO()
plain = ASGIHandler()


def serving() -> Serving:
    said.seek(0)
    said.truncate()
    out = OutputWrapper(said)
    return Serving(
        address=None, unix=None, workers=None, drain=0, migrate=False, verbosity=1, stdout=out, stderr=out
    )  # fmt: skip


@override_settings(ASGI_APPLICATION=None)
def test_settings_without_an_application_are_refused_in_a_line() -> None:
    with pytest.raises(ChatError, match="ASGI_APPLICATION is not set"):
        serving().application()


@override_settings(ASGI_APPLICATION="chatproject.wsgi_less.nothing")
def test_an_application_that_is_not_there_is_the_site_s_own_error() -> None:
    with pytest.raises(ImportError):
        serving().application()


@override_settings(ASGI_APPLICATION="tests.integration.test_serving_application.plain")
def test_django_s_own_application_without_the_chat_is_warned_of() -> None:
    assert serving().application() is plain
    assert "is Django alone" in said.getvalue()


def test_the_project_s_own_is_served_in_silence() -> None:
    assert callable(serving().application())
    assert said.getvalue() == ""
