"""Every kind of CHAT_REDIS_URL with a real broker: TLS, accounts, sockets, several hosts; and what a wrong one says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.certificate import self_signed
from tests.acceptance.site import PROJECT, ChatSite
from tests.acceptance.tls import TlsFront
from tests.acceptance.valkeys import OwnValkey
from tests.waiting import wait_until

pytestmark = [pytest.mark.valkey, pytest.mark.slow]

#: What has a meaning in an address or an environment file.
ODD = "p@ss/w:rd?#%&=+ 'ü\""
RULES = "resetchannels &roomline-* +publish +subscribe +unsubscribe +ping +select +client|setinfo +hello"


@contextmanager
def running(url: str, env: dict[str, str] | None = None) -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_REDIS_URL": url, **(env or {})}) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


def rings(site: ChatSite) -> list[str]:
    """What `chat_check` says of the broker, once a command rang and its probe came back from the server."""
    sent = site.manage("chat_send", "newbox", "hello")
    assert (sent.returncode, sent.stderr) == (0, "")
    done = site.manage("chat_check", "--json")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert [it for it in findings if it["part"] == "server" and "probe_ms" in it["figures"]], done.stdout
    assert "Redis" not in site.stderr
    return [it["what"] for it in findings if it["part"] == "broker"]


def test_an_account_with_odd_characters_that_may_do_only_what_the_documentation_says() -> None:
    assert f"ACL SETUSER roomline on >SECRET {RULES}" in (PROJECT / "docs" / "operations.md").read_text()
    with OwnValkey() as broker:
        with broker.client() as client:
            client.execute_command("ACL", "SETUSER", "roomline", "on", f">{ODD}", *RULES.split())
            client.execute_command("ACL", "SETUSER", "default", "off")
        with running(f"redis://roomline:{quote(ODD, safe='')}@127.0.0.1:{broker.port}/7") as site:
            (said,) = rings(site)
            assert f"redis://127.0.0.1:{broker.port}/7 answers" in said
            assert f"live     Redis redis://127.0.0.1:{broker.port}/7 as " in site.stdout
            assert ODD not in site.stdout + site.stderr


def test_a_socket_with_a_password(tmp_path: Path) -> None:
    path = tmp_path / "own broker.sock"
    with (
        OwnValkey("secret", options=["--unixsocket", str(path)]),
        running(f"unix://:secret@{quote(str(path))}") as site,
    ):
        assert f"{path} answers" in rings(site)[0]


def test_tls_with_a_ca_of_ones_own_and_one_line_about_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "localhost")
    with OwnValkey("pw-7421") as broker, TlsFront(broker.port, certificate, key) as front:
        address = f"rediss://:pw-7421@localhost:{front.port}"
        with running(f"{address}?ssl_ca_certs={certificate}") as site:
            assert f"rediss://localhost:{front.port} answers" in rings(site)[0]
        with running(address) as site:
            sent = site.manage("chat_send", "newbox", "hello")
            assert (sent.returncode, sent.stderr.count("\n")) == (0, 1), sent.stderr
            done = site.manage("chat_check", "--json")
            (broker_error,) = (it for it in map(json.loads, done.stdout.splitlines()) if it["part"] == "broker")
            assert "certificate verify failed" in broker_error["what"], broker_error
            assert "ssl_ca_certs" in broker_error["hint"], broker_error
            wait_until(lambda: "certificate verify failed" in site.stderr, "the reason in the log")
            assert site.stderr.count("\n") == 1, site.stderr
            assert "pw-7421" not in sent.stderr + done.stdout + site.stderr


def test_shards_as_documented(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "operations.md").read_text()
    text = page.partition("# own_settings.py: shards\n")[2].partition("```")[0]
    with OwnValkey() as one, OwnValkey() as two:
        for documented, ours in (("redis://10.0.0.1:6379", one.url), ("redis://10.0.0.2:6379", two.url)):
            assert text.count(documented) == 1
            text = text.replace(documented, ours)
        (tmp_path / "own_settings.py").write_text(text)
        env = {"DJANGO_SETTINGS_MODULE": "own_settings", "PYTHONPATH": str(tmp_path)}
        with ChatSite(env=env) as site:
            for number in range(4):  # rooms of both shards, very likely
                assert site.manage("create_room", f"room{number}").returncode == 0
            site.manage("create_room", "newbox")
            assert len(rings(site)) == 2
            assert f"live     Redis {one.url}, {two.url} as " in site.stdout
            two.kill()
            done = site.manage("chat_check", "--json")
            levels = [it["level"] for it in map(json.loads, done.stdout.splitlines()) if it["part"] == "broker"]
            assert levels == ["ok", "error"]
