"""The site's settings as a whole: what follows from what."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.conftest import PROJECT


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("CHAT_VAR_DIR", str(tmp_path / "var"))
    return monkeypatch


def settings() -> dict[str, Any]:
    return runpy.run_path(str(PROJECT / "chatproject" / "settings.py"))


@pytest.mark.usefixtures("environ")
def test_a_site_of_this_machine_alone_is_open_and_answers_nobody_else() -> None:
    found = settings()
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert (found["CHAT_SIGNUP"], found["CHAT_ROOM_CREATE"], found["CHAT_GUESTS"]) == (True, "users", "none")
    assert (found["DEBUG"], found["SESSION_COOKIE_SECURE"], found["CSRF_TRUSTED_ORIGINS"]) == (False, False, [])


def test_a_public_site_is_closed_and_has_secure_cookies(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("CHAT_PUBLIC_URL", "https://chat.example.org/")
    found = settings()
    assert found["CHAT_PUBLIC_URL"] == "https://chat.example.org"
    assert found["ALLOWED_HOSTS"][0] == "chat.example.org"
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://chat.example.org"]
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is True
    assert found["SECURE_HSTS_SECONDS"] == 30 * 24 * 3600
    assert (found["CHAT_SIGNUP"], found["CHAT_ROOM_CREATE"]) == (False, "staff")


def test_a_public_site_without_tls_binds_no_browser_to_it(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("CHAT_PUBLIC_URL", "http://chat.example.org")
    found = settings()
    assert (found["SECURE_HSTS_SECONDS"], found["SESSION_COOKIE_SECURE"]) == (0, False)
    assert "security.W008" not in found["SILENCED_SYSTEM_CHECKS"]


def test_sign_up_can_be_opened_on_a_public_site(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("CHAT_PUBLIC_URL", "https://chat.example.org")
    environ.setenv("CHAT_SIGNUP", "on")
    assert (settings()["CHAT_SIGNUP"], settings()["CHAT_ROOM_CREATE"]) == (True, "users")


def test_the_channel_layer_is_the_embedded_broker_unless_a_server_is_named(environ: pytest.MonkeyPatch) -> None:
    embedded = settings()
    var = embedded["CHAT_VAR_DIR"]
    (host,) = embedded["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
    assert host["address"] == f"unix://{var}/run/valkey.sock"
    assert embedded["CHAT_BROKER_SOCKET"] == f"{var}/run/valkey.sock"
    environ.setenv("CHAT_REDIS_URL", "redis://127.0.0.1:6379/2")
    named = settings()
    (host,) = named["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
    assert host["address"] == "redis://127.0.0.1:6379/2"
    assert named["CHAT_BROKER_SOCKET"] is None


def test_a_folder_with_strange_letters_still_leads_to_the_broker(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from redis.connection import parse_url

    environ.setenv("CHAT_RUN_DIR", str(tmp_path / "a b%20ü?#"))
    found = settings()
    (host,) = found["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
    assert parse_url(host["address"])["path"] == found["CHAT_BROKER_SOCKET"]


def test_sites_with_databases_of_their_own_do_not_ring_each_other(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = settings()["CHANNEL_LAYERS"]["default"]["CONFIG"]["prefix"]
    environ.setenv("CHAT_VAR_DIR", str(tmp_path / "other"))
    assert settings()["CHANNEL_LAYERS"]["default"]["CONFIG"]["prefix"] != first


def test_the_settings_load_where_nothing_can_be_written(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("CHAT_VAR_DIR", "/proc/nothing/var")
    assert settings()["DATABASES"]["default"]["NAME"] == "/proc/nothing/var/chat.sqlite3"


def test_its_data_folder_is_the_owners_alone(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings()
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_RATE", "abc"),
        ("CHAT_RATE", "10/s burst"),
        ("CHAT_RATE", "0/s"),
        ("CHAT_DISPLAY_NAME", "nodots"),
        ("CHAT_DURABILITY", "high"),
        ("CHAT_GUESTS", "write"),
        ("CHAT_MAX_LENGTH", "4k"),
        ("CHAT_OUTBOX_BYTES", "1 MiB"),
        ("CHAT_PUBLIC_URL", "chat.example.org"),
        ("CHAT_REDIS_URL", "localhost:6379"),
        ("CHAT_ROOM_CREATE", "anybody"),
        ("CHAT_SIGNUP", "maybe"),
        ("CHAT_TRUSTED_PROXIES", "nginx"),
        ("CHAT_API_ORIGINS", "https://status.example.org/page"),
        ("DATABASE_URL", "nonsense"),
        ("DJANGO_DEBUG", "verbose"),
        ("DJANGO_EMAIL_FROM", "nobody"),
        ("DJANGO_EMAIL_PORT", "smtp"),
        ("DJANGO_EMAIL_TLS", "ssl3"),
        ("DJANGO_TIME_ZONE", "Mars/Olympus"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_that_names_it(
    environ: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environ.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{name}='{value}' cannot be used: expected .+$") as caught:
        settings()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("environ")
def test_no_mail_is_sent_until_a_host_is_named() -> None:
    found = settings()
    assert (found["EMAIL_HOST"], found["DEFAULT_FROM_EMAIL"]) == ("", "roomline@localhost")


@pytest.mark.parametrize(
    ("tls", "port", "starttls", "from_the_first_byte"),
    [("", 587, True, False), ("starttls", 587, True, False), ("tls", 465, False, True), ("off", 25, False, False)],
)
def test_mail_goes_by_the_port_that_fits(
    environ: pytest.MonkeyPatch, tls: str, port: int, starttls: bool, from_the_first_byte: bool
) -> None:
    environ.setenv("CHAT_PUBLIC_URL", "https://chat.example.org:8443")
    environ.setenv("DJANGO_EMAIL_HOST", "smtp.example.org")
    environ.setenv("DJANGO_EMAIL_TLS", tls)
    found = settings()
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("smtp.example.org", port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (starttls, from_the_first_byte)
    assert found["DEFAULT_FROM_EMAIL"] == "roomline@chat.example.org"


def test_every_setting_is_in_the_example_file(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = settings()["env"].asked
    example = (PROJECT / "roomline.env.example").read_text()
    assert {name for name in asked if f"#{name}=" not in example} == set()
    named = {
        line[1:].partition("=")[0] for line in example.splitlines() if line.startswith("#") and "=" in line.split()[0]
    }
    assert named - asked == set()
