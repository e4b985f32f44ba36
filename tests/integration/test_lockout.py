"""Wrong passwords: how many, from where, and what is said then."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from chatproject.lockout import client_address

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
LIMIT = 5


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a real one takes its time
    User.objects.create_superuser("bob", password=PASSWORD)
    User.objects.create_user("carol", password=PASSWORD)


def attempt(
    name: str, password: str, address: str = "203.0.113.7", page: str = "/accounts/login/", agent: str = "a browser"
) -> HttpResponse:
    """The answer to a fresh browser at that address."""
    client = Client(REMOTE_ADDR=address, headers={"user-agent": agent})
    return client.post(page, {"username": name, "password": password})  # type: ignore[return-value]


def guess(times: int, name: str = "bob", **facts: str) -> list[int]:
    return [attempt(name, f"guess {number}", **facts).status_code for number in range(times)]


def test_after_five_wrong_passwords_not_even_the_right_one_is_looked_at() -> None:
    assert guess(LIMIT) == [200, 200, 200, 200, 429]
    refused = attempt("bob", PASSWORD)
    assert refused.status_code == 429
    assert "Wait 15 minutes, then try again" in refused.content.decode()
    assert 890 <= int(refused.headers["Retry-After"]) <= 900


def test_another_browser_at_the_same_address_is_the_same_client() -> None:
    assert [code for number in range(LIMIT) for code in guess(1, agent=f"browser {number}")][-1] == 429
    assert attempt("bob", PASSWORD, agent="one more").status_code == 429


def test_nobody_locks_others_out() -> None:
    guess(LIMIT + 1)
    assert attempt("bob", PASSWORD, address="198.51.100.1").status_code == 302
    assert attempt("carol", PASSWORD).status_code == 302


def test_an_ipv6_client_cannot_guess_on_with_the_next_address_of_its_network() -> None:
    guess(LIMIT, address="2001:db8:1:2::1")
    assert attempt("bob", PASSWORD, address="2001:db8:1:2:3:4:5:6").status_code == 429
    assert attempt("bob", PASSWORD, address="2001:db8:1:3::1").status_code == 302


def test_the_admin_s_own_sign_in_counts_with_it() -> None:
    guess(LIMIT - 1)
    assert guess(1, page="/admin/login/") == [429]
    assert attempt("bob", PASSWORD, page="/admin/login/").status_code == 429


def test_a_name_in_other_letters_that_is_the_same_account_counts_with_it() -> None:
    guess(LIMIT - 1)
    assert guess(1, name="ｂｏｂ") == [429]


def test_trying_on_does_not_make_it_longer_and_then_it_is_over() -> None:
    guess(LIMIT)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14, seconds=30))
    refused = attempt("bob", "yet another guess")
    assert "Wait a minute, then try again" in refused.content.decode()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert attempt("bob", PASSWORD).status_code == 302


def test_who_gets_in_starts_over() -> None:
    guess(LIMIT - 1)
    assert attempt("bob", PASSWORD).status_code == 302
    assert guess(LIMIT - 1) == [200] * (LIMIT - 1)


def test_unknown_names_are_answered_like_known_ones() -> None:
    assert guess(LIMIT, name="nobody") == [200, 200, 200, 200, 429]


def test_the_log_has_the_address_and_nothing_that_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "axes"):
        guess(LIMIT, name="my secret\nFAKE LINE")
    assert "a client at 203.0.113.7" in caplog.text
    assert "secret" not in caplog.text
    assert "FAKE" not in caplog.text
    assert "guess" not in caplog.text


def test_no_password_is_kept() -> None:
    guess(3)
    (kept,) = AccessAttempt.objects.all()
    assert "guess" not in f"{kept.post_data} {kept.get_data}"


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("::1", "::1"),
        ("", None),
    ],
)
def test_a_client_is_an_address_or_a_subscriber_s_network(peer: str, client: str | None) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer)) == client


def test_clients_of_a_bare_unix_socket_count_as_one() -> None:
    assert guess(LIMIT, address="")[-1] == 429
    assert attempt("bob", PASSWORD).status_code == 302


def spray(count: int, address: str = "203.0.113.7") -> int:
    """A guess for each of so many accounts; the last answer's status."""
    return [attempt(f"person{number}", "Winter2026!", address=address).status_code for number in range(count)][-1]


def test_one_address_that_tries_many_accounts_is_held_up_and_told_for_how_long(settings: Any) -> None:
    settings.CHAT_WRONG_PASSWORDS = 8
    assert spray(8) == 200
    refused = attempt("carol", PASSWORD)
    assert refused.status_code == 429
    assert 890 <= int(refused.headers["Retry-After"]) <= 900
    assert "Wait 15 minutes, then try again" in refused.content.decode()
    assert attempt("carol", PASSWORD, page="/admin/login/").status_code == 429
    assert attempt("carol", PASSWORD, address="198.51.100.1").status_code == 302
    AccessAttempt.objects.order_by("attempt_time").filter(username="person0").update(
        attempt_time=timezone.now() - timedelta(minutes=15, seconds=1)
    )
    assert attempt("carol", PASSWORD).status_code == 302, "the first one is forgotten"


def test_who_gets_in_between_does_not_start_the_address_over(settings: Any) -> None:
    settings.CHAT_WRONG_PASSWORDS = 8
    spray(7)
    assert attempt("carol", PASSWORD).status_code == 302
    assert attempt("bob", "one more").status_code == 200
    assert attempt("carol", PASSWORD).status_code == 429


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1"])
def test_addresses_behind_which_anybody_may_be_are_not_held_up_for_all(settings: Any, address: str) -> None:
    settings.CHAT_WRONG_PASSWORDS = 8
    assert spray(12, address) == 200
    assert attempt("carol", PASSWORD, address=address).status_code == 302
