"""Every error of the domain on every surface: what a socket, a page, a command, a caller in Python and the log make of
it. Where an error really comes from, the tests of each part show; here none of them is a surprise anywhere."""

import ast
import asyncio
import io
import itertools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from chatcli.base import LocalCommand
from chatcli.bench.client import NotIn
from chatcli.bench.targets import NoServer
from chatcli.handler import HandlerFailed
from chatcli.job.reporting import JobFailed
from chatcli.remote.errors import AnswerLost, NoRoomline, NoServerNamed, Refused, Unreachable
from chatcli.remote.sending import WaitOver
from chatcli.sending.posts import NoRoomYet
from chatcli.sending.run import LinesRefused
from chatcli.sending.texts import TooLarge
from chatcli.server.listen import Address, BadAddress, ListenError, PortInUse
from chatcli.tail.cursor import CursorInUse
from chatcli.tail.ending import TimeOver
from chatcli.workers.worker import WorkerFailed
from chatcore.exceptions import ChatError
from chatcore.history import RoomView
from chatcore.routing import websocket_urlpatterns
from chatcore.services import Post, Posted
from chatcore.views.page import page
from chatcore.writer import Writer
from tests.integration.sockets import Site
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.unit.test_exceptions import PROMISED

#: Of the domain, and of the commands alone.
DOMAIN = [row[0] for row in PROMISED] + [ChatError("it did not work")]
COMMANDS: list[ChatError] = [
    ListenError("nothing can listen there"),
    BadAddress("this is no address"),
    PortInUse(Address()),
    TooLarge("it"),
    CursorInUse("another process has it"),
    TimeOver("nothing more to wait for"),
    HandlerFailed("it failed"),
    NotIn("it is not in"),
    NoServer(),
    JobFailed("failed with exit code 3 after 1 s", 3),
    NoRoomYet(),
    LinesRefused("line 3: it is too long", 4),
    NoServerNamed(),
    Unreachable("https://chat.example.org cannot be reached: Connection refused"),
    AnswerLost("https://chat.example.org was lost before its answer"),
    NoRoomline("https://chat.example.org answers 404 Not Found"),
    Refused(403, "forbidden", "this token may not write there"),
    WaitOver("stored as newbox #7, but nobody has read it"),
    WorkerFailed("worker 1 (pid 7) was killed by signal 9", 1, told=False),
]
ERRORS = DOMAIN + COMMANDS
EVERY_ERROR = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
EVERY_ERROR_OF_THE_DOMAIN = pytest.mark.parametrize("error", DOMAIN, ids=lambda error: type(error).__name__)

PROJECT = Path(__file__).resolve().parent.parent.parent


def classes_of_errors() -> set[str]:
    """ChatError and all that stands below it in the sources, whether a test imports it or not."""
    parents: dict[str, set[str]] = {}
    for package in ("chatcore", "chatcli", "chatproject"):
        for source in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text())):
                if isinstance(node, ast.ClassDef):
                    parents[node.name] = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    found = {"ChatError"}
    while more := {name for name, bases in parents.items() if bases & found} - found:
        found |= more
    return found


def test_every_class_of_errors_has_a_case_here() -> None:
    assert classes_of_errors() == {type(error).__name__ for error in ERRORS}


def harmless(line: str) -> bool:
    """Whether it is one line that a terminal shows as it is."""
    return bool(line) and "\n" not in line and not [character for character in FORBIDDEN if character in line]


def no_traceback(log: pytest.LogCaptureFixture) -> bool:
    return not [record for record in log.records if record.exc_info or not harmless(record.getMessage())]


# Sockets


class Refusing(Writer):
    """A writer for which everything that is asked ends in `error`, as it may do in the database."""

    error = ChatError("nothing was asked yet")

    def post(self, post: Post, done: Callable[[Posted | ChatError], None]) -> None:
        done(self.error)

    async def run(self, service: Callable[..., Any], *args: Any) -> Any:
        raise self.error


FRAMES: list[dict[str, Any]] = [
    {"type": "send", "message": "hi", "client_id": "c-1"},
    {"type": "edit", "seq": 1, "message": "x", "client_id": "c-1"},
    {"type": "delete", "seq": 1, "client_id": "c-1"},
]


@pytest.mark.django_db(transaction=True)
@override_settings(CHAT_RATE="off")
def test_a_socket_says_the_code_and_the_line_and_stays_open(newbox: RoomView, caplog: pytest.LogCaptureFixture) -> None:
    alice = User.objects.create_user("alice")

    async def check() -> None:
        async with Site() as site:
            writer = Refusing(site.hub.announce)
            site.application = URLRouter(websocket_urlpatterns(site.hub, writer))
            async with site.hello("newbox", alice) as client:
                await client.only("open")
                for error, frame in itertools.product(DOMAIN, FRAMES):
                    writer.error = error
                    client.say(**frame)
                    said = await client.only("error")
                    assert (said["code"], said["detail"], said["client_id"]) == (error.code, error.detail, "c-1")
                client.say(type="ping")
                await client.only("pong")

    with caplog.at_level(logging.INFO, "chatcore"):
        asyncio.run(check())
    assert no_traceback(caplog)


@pytest.mark.django_db(transaction=True)
def test_at_the_door_a_socket_says_it_and_closes_with_its_code(
    newbox: RoomView, caplog: pytest.LogCaptureFixture
) -> None:
    alice = User.objects.create_user("alice")

    async def check() -> None:
        async with Site() as site:
            for error in DOMAIN:
                site.lookout.read = refusal(error)  # type: ignore[method-assign]  # the door's questions to the database
                async with site.socket("newbox", alice) as client:
                    assert await client.error() == (error.code, None)
                    assert await client.closed() == error.close_code
                assert 4000 <= error.close_code < 5000 or error.close_code == 1011

    with caplog.at_level(logging.INFO, "chatcore"):
        asyncio.run(check())
    assert no_traceback(caplog)


def refusal(error: ChatError) -> Any:
    """A read of the database that ends so."""

    async def read(*_: object) -> None:
        raise error

    return read


# Pages


@page
def trouble(request: HttpRequest, number: int) -> HttpResponse:
    raise ERRORS[number]


urlpatterns = [path("trouble/<int:number>/", trouble), path("", include(settings.ROOT_URLCONF))]


@pytest.mark.django_db
@EVERY_ERROR_OF_THE_DOMAIN
@override_settings(ROOT_URLCONF=__name__)
def test_a_page_has_its_status_and_a_sentence(caplog: pytest.LogCaptureFixture, error: ChatError) -> None:
    response = Client(raise_request_exception=False).get(f"/trouble/{ERRORS.index(error)}/")
    if error.code == "not_signed_in":
        assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/trouble/5/")
        return
    assert response.status_code == error.status
    assert "Traceback" not in response.content.decode()
    if error.status == 500:  # it is the site's mistake: who runs it finds out where
        assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [type(error)]
    else:
        assert '<p class="lead">' in response.content.decode()
        assert no_traceback(caplog)


# Commands


class Command(LocalCommand):
    """A command that ends in an error."""

    error: ChatError

    def handle(self, *args: Any, **options: Any) -> None:
        raise self.error


def command(error: ChatError) -> Command:
    made = Command(stdout=io.StringIO(), stderr=io.StringIO())
    made.error = error
    return made


@EVERY_ERROR
def test_a_command_ends_with_its_exit_code_and_one_line(error: ChatError) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(command(error))
    assert caught.value.returncode == error.exit_code
    assert error.exit_code in (1, 2, 3, 4, 5, 124)
    assert harmless(str(caught.value))
    assert str(caught.value) == error.detail


HOSTILE_WORD = "".join(text for text in HOSTILE.values() if len(text) < 1000)


@EVERY_ERROR
def test_what_a_command_says_of_it_is_one_harmless_line_whatever_it_names(error: ChatError) -> None:
    named = type(error).__new__(type(error))
    ChatError.__init__(named, HOSTILE_WORD)
    with pytest.raises(CommandError) as caught:
        call_command(command(named))
    assert harmless(str(caught.value))


# Programs


@EVERY_ERROR
def test_a_program_gets_the_error_itself_with_its_attributes(error: ChatError) -> None:
    assert str(error) == error.detail == json.loads(json.dumps(error.detail))
    assert error.code.replace("_", "").isalpha()
    assert error.code.islower()
    assert 400 <= error.status < 600
