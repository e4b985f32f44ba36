"""Pages in the language that the browser asks for, those for errors too."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

pytestmark = pytest.mark.django_db


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


def odd(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("on purpose")


urlpatterns = [path("broken/", broken), path("odd/", odd)]


@pytest.mark.parametrize(
    ("asked", "language", "title"),
    [
        ("de", "de", "Anmelden"),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("fr-FR,fr;q=0.9", "en", "Sign in"),
        ("fr, de;q=0.5, en;q=0.4", "de", "Anmelden"),
        ("", "en", "Sign in"),
        ("x" * 3000, "en", "Sign in"),
    ],
)
def test_a_page_is_in_the_language_that_the_browser_prefers(
    client: Client, asked: str, language: str, title: str
) -> None:
    response = client.get("/accounts/login/", headers={"accept-language": asked})
    body = response.content.decode()
    assert f'<html lang="{language}" dir="ltr">' in body
    assert f"<title>{title} · Roomline</title>" in body
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]


def test_django_s_own_texts_are_in_that_language_too(client: Client) -> None:
    User.objects.create_user("bob")
    fields = {"username": "bob", "password": "wrong"}
    body = client.post("/accounts/login/", fields, headers={"accept-language": "de"}).content.decode()
    assert "Benutzername" in body
    assert "Groß-/Kleinschreibung" in body


@pytest.mark.parametrize(
    ("address", "status", "english", "german"),
    [
        ("/broken/", 500, "Something broke here", "Hier ist etwas kaputtgegangen"),
        ("/odd/", 400, "The server did not understand this", "Das hat der Server nicht verstanden"),
        ("/nowhere/", 404, "There is nothing here", "Hier ist nichts"),
    ],
)
def test_pages_of_errors_are_translated(address: str, status: int, english: str, german: str) -> None:
    client = Client(raise_request_exception=False)
    urls = override_settings(ROOT_URLCONF=__name__) if status != 404 else override_settings()
    with urls:
        for language, words in (("en", english), ("de", german)):
            response = client.get(address, headers={"accept-language": language})
            assert response.status_code == status
            assert words in response.content.decode()
            assert f'<html lang="{language}"' in response.content.decode()


def test_a_foreign_host_gets_a_page_that_asks_nothing_of_it(client: Client) -> None:
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "The server did not understand this" in response.content.decode()
