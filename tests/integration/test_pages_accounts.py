"""Signing up, in and out."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
SIGN_UP = {"username": "alice", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture(autouse=True)
def _open(settings: object) -> None:
    settings.CHAT_SIGNUP = True  # type: ignore[attr-defined]


def test_signing_up_signs_in_and_goes_on_to_where_one_came_from(client: Client) -> None:
    response = client.post("/accounts/signup/", {**SIGN_UP, "next": "/rooms/new/"})
    assert (response.status_code, response["Location"]) == (302, "/rooms/new/")
    assert client.get("/").context["user"].get_username() == "alice"


def test_nobody_is_staff_by_signing_up(client: Client) -> None:
    client.post("/accounts/signup/", {**SIGN_UP, "is_staff": "on", "is_superuser": "on"})
    alice = User.objects.get(username="alice")
    assert (alice.is_staff, alice.is_superuser) == (False, False)


@pytest.mark.parametrize("page", ["signup", "login"])
def test_no_page_leads_on_to_another_site(client: Client, page: str) -> None:
    User.objects.create_user("bob", password=PASSWORD)
    fields = {**SIGN_UP, "next": "https://evil.example/"}
    if page == "login":
        fields |= {"username": "bob", "password": PASSWORD}
    assert client.post(f"/accounts/{page}/", fields)["Location"] == "/"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"username": "Bob"}, "already exists"),
        ({"password2": "other words here"}, "didn’t match"),
        ({"password1": "12345678", "password2": "12345678"}, "too common"),
        ({"username": "<script>"}, "Enter a valid username"),
    ],
)
def test_an_account_that_cannot_be_made_is_told_why(client: Client, fields: dict[str, str], reason: str) -> None:
    User.objects.create_user("bob")
    response = client.post("/accounts/signup/", {**SIGN_UP, **fields})
    assert response.status_code == 200
    assert reason in response.content.decode()
    assert User.objects.count() == 1


def test_where_sign_up_is_closed_the_page_says_whom_to_ask(client: Client, settings: object) -> None:
    settings.CHAT_SIGNUP = False  # type: ignore[attr-defined]
    for response in (client.get("/accounts/signup/"), client.post("/accounts/signup/", SIGN_UP)):
        assert response.status_code == 403
        assert "Ask them for one" in response.content.decode()
    assert not User.objects.exists()
    assert "/accounts/signup/" not in client.get("/accounts/login/").content.decode()


def test_sign_in_offers_an_account_and_keeps_where_one_was_going(client: Client) -> None:
    body = client.get("/accounts/login/?next=/chat/newbox/").content.decode()
    assert 'href="/accounts/signup/?next=/chat/newbox/"' in body
    assert '<input type="hidden" name="next" value="/chat/newbox/">' in body


def test_who_is_signed_in_needs_neither_page(client: Client) -> None:
    client.force_login(User.objects.create_user("bob"))
    for page in ("signup", "login"):
        assert client.get(f"/accounts/{page}/?next=/rooms/new/")["Location"] == "/rooms/new/"


def test_a_wrong_password_is_refused_in_words(client: Client) -> None:
    User.objects.create_user("bob", password=PASSWORD)
    response = client.post("/accounts/login/", {"username": "bob", "password": "wrong"})
    assert "Please enter a correct username and password" in response.content.decode()


def test_signing_out_takes_a_post_and_says_so(client: Client) -> None:
    client.force_login(User.objects.create_user("bob"))
    assert client.get("/accounts/logout/").status_code == 405
    response = client.post("/accounts/logout/")
    assert "You are signed out" in response.content.decode()
    assert client.get("/").status_code == 302


def test_a_form_without_its_token_is_explained() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/accounts/login/", {"username": "bob", "password": PASSWORD})
    assert response.status_code == 403
    assert "The form had expired" in response.content.decode()


def test_no_script_and_no_other_site_gets_at_the_cookies(client: Client) -> None:
    User.objects.create_user("bob", password=PASSWORD)
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"username": "bob", "password": PASSWORD})
    assert set(client.cookies) == {"csrftoken", "sessionid"}
    assert {(cookie["httponly"], cookie["samesite"]) for cookie in client.cookies.values()} == {(True, "Lax")}


def made(number: int, address: str) -> HttpResponse:
    """The answer to who makes an account at that address."""
    client = Client(REMOTE_ADDR=address)
    return client.post("/accounts/signup/", {**SIGN_UP, "username": f"made{number}"})  # type: ignore[return-value]


def test_too_many_accounts_from_one_address_are_refused_and_the_form_is_kept(settings: Any) -> None:
    settings.CHAT_SIGNUP_RATE = "2/h burst 3"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    assert [made(number, "203.0.113.77").status_code for number in range(3)] == [302] * 3
    refused = made(3, "203.0.113.77")
    assert refused.status_code == 429
    assert 1700 < int(refused.headers["Retry-After"]) <= 1800
    assert "Minutes to wait: 30" in refused.content.decode()
    assert 'value="made3"' in refused.content.decode()
    assert User.objects.count() == 3
    assert made(4, "203.0.113.78").status_code == 302
    assert [made(number, "127.0.0.1").status_code for number in range(5, 10)] == [302] * 5


def test_what_is_no_account_yet_costs_nobody_his_turn(settings: Any) -> None:
    settings.CHAT_SIGNUP_RATE = "1/h"
    client = Client(REMOTE_ADDR="203.0.113.79")
    for _ in range(3):
        assert client.post("/accounts/signup/", {**SIGN_UP, "password2": "another"}).status_code == 200
    assert client.post("/accounts/signup/", SIGN_UP).status_code == 302
