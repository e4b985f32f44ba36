"""Changing a password, and forgetting it: with mail and without."""

import re
import threading
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

pytestmark = pytest.mark.django_db

OLD, NEW = "correct horse battery", "another staple entirely"
FORGOTTEN = "/accounts/password/forgotten/"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.CHAT_SIGNUP = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a real one takes its time


@pytest.fixture
def with_mail(settings: Any) -> Any:
    """A site that sends mail."""
    settings.SENDS_MAIL = True
    return settings


@pytest.fixture
def bob() -> User:
    """With an address of this test alone: how often one is written to is counted."""
    return User.objects.create_user("bob", f"{uuid4().hex}@example.org", OLD)


def signed_in(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def test_a_password_is_changed_and_other_browsers_are_signed_out(bob: User) -> None:
    here, elsewhere = signed_in(bob), signed_in(bob)
    fields = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    page = here.post("/accounts/password/", fields, follow=True)
    assert "Your password is changed" in page.content.decode()
    assert page.context["user"] == bob
    assert elsewhere.get("/").status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(NEW)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"old_password": "not it"}, "Your old password was entered incorrectly"),
        ({"new_password2": "something else"}, "didn’t match"),
        ({"new_password1": "bob", "new_password2": "bob"}, "too short"),
    ],
)
def test_a_password_that_cannot_be_changed_is_told_why(bob: User, fields: dict[str, str], reason: str) -> None:
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW, **fields}
    assert reason in signed_in(bob).post("/accounts/password/", form).content.decode()
    bob.refresh_from_db()
    assert bob.check_password(OLD)


def test_changing_a_password_is_for_those_who_are_signed_in(client: Client) -> None:
    assert client.get("/accounts/password/")["Location"] == "/accounts/login/?next=/accounts/password/"


def test_pages_lead_to_changing_the_password_and_to_help_when_it_is_forgotten(client: Client, bob: User) -> None:
    assert f'href="{FORGOTTEN}"' in client.get("/accounts/login/").content.decode()
    assert 'href="/accounts/password/"' in signed_in(bob).get("/").content.decode()


def test_without_mail_the_page_says_whom_to_ask(client: Client, bob: User) -> None:
    for response in (client.get(FORGOTTEN), client.post(FORGOTTEN, {"email": bob.email})):
        assert "Ask the people who run this site" in response.content.decode()
        assert "changepassword NAME" in response.content.decode()
    assert outbox() == []
    assert 'name="email"' not in client.get("/accounts/signup/").content.decode()


@pytest.mark.usefixtures("with_mail")
def test_signing_up_may_bring_an_address_for_mail_and_need_not(client: Client) -> None:
    form = {"username": "carol", "password1": NEW, "password2": NEW}
    assert client.post("/accounts/signup/", {**form, "email": "carol@example.org"}).status_code == 302
    assert Client().post("/accounts/signup/", {**form, "username": "dan"}).status_code == 302
    assert dict(User.objects.values_list("username", "email")) == {"carol": "carol@example.org", "dan": ""}


def outbox() -> list[mail.EmailMessage]:
    """The mails that were written so far; they go out in threads of their own."""
    for thread in threading.enumerate():
        if thread.name == "chat-mail":
            thread.join()
    return mail.outbox


def link(message: mail.EmailMessage) -> str:
    found = re.search(r"^https?://\S+$", str(message.body), re.MULTILINE)
    assert found is not None
    return found[0]


@pytest.mark.usefixtures("with_mail")
def test_a_mailed_link_sets_a_new_password_once_and_signs_in(client: Client, bob: User) -> None:
    page = client.post(FORGOTTEN, {"email": bob.email.upper()}, follow=True)
    assert "Look into your mail" in page.content.decode()
    (message,) = outbox()
    assert message.to == [bob.email]
    assert message.subject == "A new password for testserver"
    assert "Hello bob," in message.body
    form = client.get(link(message), follow=True)
    assert form.status_code == 200
    done = client.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW}, follow=True)
    assert "Your new password is set" in done.content.decode()
    assert done.context["user"] == bob
    bob.refresh_from_db()
    assert bob.check_password(NEW)
    assert "does not work any more" in Client().get(link(message), follow=True).content.decode()


@pytest.mark.usefixtures("with_mail")
@pytest.mark.parametrize("path", ["MQ/nonsense", "x/y", "%F0/set-password", "MQ/set-password"])
def test_a_made_up_link_is_refused_in_words(client: Client, bob: User, path: str) -> None:
    response = client.get(f"/accounts/password/new/{path}/", follow=True)
    assert "does not work any more" in response.content.decode()


@pytest.mark.usefixtures("with_mail")
def test_nobody_learns_which_addresses_have_accounts(client: Client, bob: User) -> None:
    pages = [client.post(FORGOTTEN, {"email": at}, follow=True) for at in (bob.email, "nobody@example.org")]
    assert pages[0].redirect_chain == pages[1].redirect_chain
    assert len(outbox()) == 1


@pytest.mark.usefixtures("with_mail")
def test_nobody_has_the_site_flood_a_mailbox(client: Client, bob: User) -> None:
    pages = [client.post(FORGOTTEN, {"email": at}, follow=True) for at in [bob.email, bob.email.upper()] * 5]
    assert {page.redirect_chain[-1] for page in pages} == {("/accounts/password/sent/", 302)}
    assert len(outbox()) == 3


def test_a_mail_s_link_is_the_site_s_own_whatever_host_was_asked(client: Client, bob: User, with_mail: Any) -> None:
    with_mail.CHAT_PUBLIC_URL = "https://chat.example.org"
    client.post(FORGOTTEN, {"email": bob.email}, headers={"host": "localhost:8000"})
    (message,) = outbox()
    assert link(message).startswith("https://chat.example.org/accounts/password/new/")
    assert message.subject == "A new password for chat.example.org"


def test_a_mail_server_that_is_away_changes_no_answer(client: Client, bob: User, with_mail: Any) -> None:
    with_mail.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with_mail.EMAIL_HOST, with_mail.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    page = client.post(FORGOTTEN, {"email": bob.email}, follow=True)
    assert "Look into your mail" in page.content.decode()
