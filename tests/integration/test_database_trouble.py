"""A database that cannot be asked: what pages, sockets, commands and the log say of it, each in its own words."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, ProgrammingError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from chatcore.consumers import SignIn
from chatcore.credentials import Credentials
from chatcore.database import DatabaseThread, NotMigrated, explained, reason_of, trouble
from chatcore.exceptions import ChatError, Unavailable
from chatcore.views.page import page

SEVERAL_LINES = "connection failed: connection to server at 10.0.0.7, port 5432 failed\n\tIs the server running?"


def lost(request: HttpRequest) -> HttpResponse:
    raise OperationalError(SEVERAL_LINES)


def ours(request: HttpRequest) -> HttpResponse:
    raise OperationalError("no such table: chatcore_message")


handler500 = "chatproject.trouble.server_error"
urlpatterns = [
    path("plain/", lost),
    path("chat/", page(lost)),
    path("ours/", ours),
    path("", include("chatproject.urls")),
]


@pytest.mark.parametrize(
    ("says", "detail", "line"),
    [
        (
            SEVERAL_LINES,
            "the database does not answer: nothing was stored, try again",
            "the database does not answer (connection failed: connection to server at 10.0.0.7, port 5432 failed): "
            "nothing was stored, try again",
        ),
        ("database is locked",) + ("the database is locked by another program: nothing was stored, try again",) * 2,
        (
            'could not extend file "base/5/1": No space left on device',
            "the disk is full: nothing was stored, free some space and try again",
            'the disk is full (could not extend file "base/5/1": No space left on device): '
            "nothing was stored, free some space and try again",
        ),
    ],
)
def test_addresses_and_paths_are_for_those_who_run_the_site(says: str, detail: str, line: str) -> None:
    error = explained(OperationalError(says))
    assert isinstance(error, Unavailable)
    assert (error.detail, str(error)) == (detail, line)


def test_only_the_database_s_own_trouble_is_taken_for_it() -> None:
    assert trouble(OperationalError("server closed the connection")) is not None
    assert trouble(OperationalError("no such table: x")) is None
    assert trouble(ProgrammingError("syntax error")) is None
    assert trouble(ChatError("x")) is None
    assert trouble(None) is None
    assert isinstance(explained(OperationalError("no such table: x")), NotMigrated)
    assert reason_of(OperationalError()) == "OperationalError"


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("address", ["/plain/", "/chat/"])
def test_a_page_says_to_come_back_and_not_where_the_database_is(address: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = Client(raise_request_exception=False).get(address)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    text = answer.content.decode()
    assert "The chat cannot be reached right now" in text
    assert "10.0.0.7" not in text
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is None
    assert address in record.getMessage()


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_a_fault_of_ours_stays_one_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert Client(raise_request_exception=False).get("/ours/").status_code == 500
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None


#: Conditions that are the database's own trouble: who asks has an OperationalError.
BREAKS = {"sqlite": "abs(-9223372036854775808) > 0", "postgresql": "pg_terminate_backend(pg_backend_pid())"}


@pytest.fixture
def sessions_gone(transactional_db: None) -> Iterator[str]:
    """A session's key, while the table of sessions cannot be read."""
    browser = Client()
    browser.force_login(User.objects.create_user("alice"))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_session RENAME TO hidden")
        cursor.execute(f"CREATE VIEW django_session AS SELECT * FROM hidden WHERE {BREAKS[connection.vendor]}")
    yield browser.cookies["sessionid"].value
    with connection.cursor() as cursor:
        cursor.execute("DROP VIEW django_session")
        cursor.execute("ALTER TABLE hidden RENAME TO django_session")


def test_a_socket_whose_session_cannot_be_read_is_told_so_and_may_come_back(sessions_gone: str) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def inner(*_: Any) -> None:
        raise AssertionError("nobody is let in")

    thread = DatabaseThread("test")
    scope = {"type": "websocket", "headers": [(b"cookie", f"sessionid={sessions_gone}".encode())]}
    asyncio.run(SignIn(inner, thread, Credentials(thread))(scope, receive, send))
    thread.close()
    accepted, error, closed = sent
    assert accepted == {"type": "websocket.accept"}
    frame = msgspec.json.decode(error["text"])
    assert (frame["code"], frame["detail"]) == (
        "unavailable",
        "the database does not answer: nothing was stored, try again",
    )
    assert closed == {"type": "websocket.close", "code": 1011}
