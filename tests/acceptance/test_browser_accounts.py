"""Accounts in a real browser: forgetting a password, changing it, and too many wrong ones."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest

from tests.acceptance.browsing import People, Person
from tests.acceptance.mailbox import Mailbox, mail_server
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Role = Literal["button", "heading", "status"]
OLD, NEW = "correct horse battery", "another staple entirely"


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with mail_server(tmp_path_factory.mktemp("mail")) as box:
        yield box


@pytest.fixture(scope="module")
def site(mailbox: Mailbox) -> Iterator[ChatSite]:
    with ChatSite(env=mailbox.env) as site:
        yield site


def fill(person: Person, **fields: str) -> None:
    """Fill in the page's form, send it and wait for the answer: who goes elsewhere before takes his question back."""
    for name, value in fields.items():
        person.page.locator(f"main [name={name}]").fill(value)
    with person.page.expect_response(lambda answer: answer.request.method == "POST"):
        person.page.locator("main form button").click()


def await_text(person: Person, role: Role, text: str) -> None:
    """Wait until something of this role says this."""
    person.page.get_by_role(role).filter(has_text=text).wait_for()


def test_who_has_forgotten_a_password_gets_in_again_by_mail(site: ChatSite, people: People, mailbox: Mailbox) -> None:
    alice = people.visitor(site)
    alice.page.goto(f"{site.url}accounts/signup/")
    fill(alice, username="alice", email="alice@example.org", password1=OLD, password2=OLD)
    await_text(alice, "button", "Sign out")

    forgetful = people.visitor(site, locale="de-DE")
    forgetful.page.goto(f"{site.url}accounts/login/")
    forgetful.page.get_by_role("link", name="Passwort vergessen?").click()
    fill(forgetful, email="alice@example.org")
    await_text(forgetful, "heading", "Sehen Sie in Ihre Post")
    mail = mailbox.next_mail()
    assert (mail["From"], mail["To"]) == ("Roomline <chat@example.org>", "alice@example.org")
    assert mail["Subject"] == f"Ein neues Passwort für {site.host}:{site.port}"
    text = mail.get_content()
    assert "Hallo alice," in text
    link = re.search(r"^http\S+", text, re.MULTILINE)
    assert link is not None
    forgetful.page.goto(link[0])
    fill(forgetful, new_password1=NEW, new_password2=NEW)
    await_text(forgetful, "status", "Ihr neues Passwort gilt")

    alice.page.reload()
    assert alice.page.url.startswith(f"{site.url}accounts/login/")  # a new password ends the old sessions
    fill(alice, username="alice", password=NEW)
    await_text(alice, "button", "Sign out")


def test_a_password_is_changed_by_keyboard_alone(site: ChatSite, people: People) -> None:
    (bob,) = people.signed_in(site, "bob")
    bob.page.goto(site.url)
    bob.page.get_by_role("link", name="Password").focus()
    bob.page.keyboard.press("Enter")
    await_text(bob, "heading", "Change password")
    bob.page.locator("main [name=old_password]").focus()
    for word in (site.password, NEW, NEW):
        bob.page.keyboard.type(word)
        bob.page.keyboard.press("Tab")
    bob.page.keyboard.press("Enter")
    await_text(bob, "status", "Your password is changed")


def test_a_new_password_ends_rooms_on_other_devices_and_not_in_other_windows(site: ChatSite, people: People) -> None:
    assert site.manage("create_room", "newbox").returncode == 0
    (carol,) = people.signed_in(site, "carol")
    elsewhere = people.visitor(site)
    key, _, value = site.sign_in("carol")[0].partition("=")
    elsewhere.context.add_cookies([{"name": key, "value": value, "url": site.url}])
    for person in (carol, elsewhere):
        person.enter("newbox")
    other = carol.context.new_page()
    other.goto(f"{site.url}accounts/password/")
    for name, word in {"old_password": site.password, "new_password1": NEW, "new_password2": NEW}.items():
        other.locator(f"main [name={name}]").fill(word)
    other.locator("main form button").click()
    other.get_by_role("status").filter(has_text="Your password is changed").wait_for()
    elsewhere.await_state("stopped")
    assert elsewhere.page.get_by_role("link", name="Sign in again").is_visible()
    wait_until(lambda: carol.received("not_signed_in") > 0, "the end of the old session")
    carol.await_state("live")
    carol.write("still here")
    carol.message("still here").wait_for()


def test_too_many_wrong_passwords_are_told_with_the_time_to_wait(site: ChatSite, people: People) -> None:
    site.sign_in("carol")
    carol = people.visitor(site)
    for number in range(5):
        carol.page.goto(f"{site.url}accounts/login/")
        fill(carol, username="carol", password=f"guess {number}")
    await_text(carol, "heading", "Too many wrong passwords")
    carol.page.get_by_text("Wait 15 minutes").wait_for()
    carol.page.goto(f"{site.url}accounts/login/")
    fill(carol, username="carol", password=site.password)
    await_text(carol, "heading", "Too many wrong passwords")
