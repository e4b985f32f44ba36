"""`chat_check` in real processes: broken installations, each named with what to do, and a sound one."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import redis
from django.core.management import load_command_class

from tests.acceptance.site import ChatSite

pytestmark = pytest.mark.runchat("it asks the servers that have told where they are")

SETTINGS = "from chatproject.settings import *\n"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"


@pytest.fixture(scope="module")
def shared_bare() -> Iterator[ChatSite]:
    """Data with all tables, and no server, for tests that leave it as it is."""
    site = ChatSite()
    try:
        assert site.manage("migrate", "-v0").returncode == 0
        yield site
    finally:
        site.close()


@pytest.fixture
def bare(shared_bare: ChatSite) -> Iterator[ChatSite]:
    """The same, to be broken."""
    site = ChatSite()
    try:
        shutil.copytree(shared_bare.var_dir, site.var_dir, dirs_exist_ok=True)
        yield site
    finally:
        site.close()


def found(site: ChatSite, *options: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """The exit code, and by its id what was found that is not sound, with what to do."""
    done = site.manage("chat_check", "--json", *options, env=env)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert findings, done.stderr
    told = {it["id"]: f"{it['what']} {it['hint']}" for it in findings if it["level"] in ("warning", "error")}
    assert all(it["hint"] for it in findings if it["id"] in told and it["id"].startswith("chatcore"))
    errors = sum(it["level"] == "error" for it in findings)
    assert done.stderr.startswith(f"CommandError: {errors} error") if errors else done.stderr == ""
    return done.returncode, told


# A sound installation


def test_a_sound_installation_is_well_and_says_how_long_a_probe_takes(chat_site: ChatSite) -> None:
    done = chat_site.manage("chat_check")
    assert (done.returncode, done.stderr) == (0, "")
    assert chat_site.process is not None
    probe = (
        rf"ok +server +\S+:{chat_site.process.pid} \({chat_site.url}\) answers: probe there and back in \d+\.\d ms\n"
    )
    assert re.search(probe, done.stdout)
    assert "all are applied" in done.stdout
    assert done.stdout.endswith("\nall is well\n")
    done = chat_site.manage("chat_check", "--format", "nagios")
    assert (done.returncode, done.stderr) == (0, "")
    figures = r"probe=\d+(\.\d+)?ms;; commit=\d+(\.\d+)?ms;; broker=\d+(\.\d+)?ms;; free=\d+B;;"
    assert re.fullmatch(rf"OK - all is well\|{figures}\n", done.stdout)
    assert chat_site.stderr == ""


@pytest.mark.slow
def test_all_servers_on_the_data_are_probed_also_with_somebody_who_follows(chat_site: ChatSite) -> None:
    assert chat_site.manage("create_room", "newbox").returncode == 0
    tail = chat_site.popen("chat_tail", "newbox")
    try:
        with ChatSite(beside=chat_site) as second:
            done = chat_site.manage("chat_check")
            assert done.returncode == 0, done.stdout
            pids = re.findall(r"ok +server +\S+:(\d+) .*probe there and back", done.stdout)
            assert {int(pid) for pid in pids} == {it.process.pid for it in (chat_site, second) if it.process}
    finally:
        tail.kill()
        tail.communicate()


@pytest.mark.slow
def test_without_a_server_all_is_well_and_quiet(shared_bare: ChatSite) -> None:
    done = shared_bare.manage("chat_check", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "none is running: ./manage.py runchat" in shared_bare.manage("chat_check").stdout


# Broken ones without a server: what breaks it, what is found then, and whether that is an error


def newer_version(site: ChatSite) -> dict[str, str]:
    with sqlite3.connect(site.var_dir / "chat.sqlite3") as database:
        database.execute("INSERT INTO django_migrations VALUES (9999, 'chatcore', '0999_later', '2030-01-01')")
    return {}


def without_tables(site: ChatSite) -> dict[str, str]:
    for path in site.var_dir.glob("chat.sqlite3*"):
        path.unlink()
    return {}


def damaged(site: ChatSite) -> dict[str, str]:
    with sqlite3.connect(site.var_dir / "chat.sqlite3") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (site.var_dir / "chat.sqlite3").open("r+b") as file:
        file.seek(20 * 4096)
        file.write(os.urandom(20 * 4096))
    return {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def no_database_server(site: ChatSite) -> dict[str, str]:
    return {"DATABASE_URL": f"postgres://chat:secret-word@127.0.0.1:{free_port()}/chat"}


def no_broker(site: ChatSite) -> dict[str, str]:
    return {"CHAT_REDIS_URL": f"redis://:secret-word@127.0.0.1:{free_port()}"}


def open_to_all(site: ChatSite) -> dict[str, str]:
    return {"CHAT_PUBLIC_URL": "http://chat.example.org", "CHAT_SIGNUP": "on", "DJANGO_DEBUG": "on"}


def open_secrets(site: ChatSite) -> dict[str, str]:
    (site.var_dir / "secret_key").write_text("x" * 50)
    (site.var_dir / "secret_key").chmod(0o644)
    site.var_dir.chmod(0o777)
    return {}


def open_database(site: ChatSite) -> dict[str, str]:
    (site.var_dir / "chat.sqlite3").chmod(0o644)
    site.var_dir.chmod(0o755)
    return {}


def with_settings(text: str) -> Callable[[ChatSite], dict[str, str]]:
    """An installation with a settings module of its own."""

    def write(site: ChatSite) -> dict[str, str]:
        folder = site.var_dir / "python"
        folder.mkdir(exist_ok=True)
        (folder / "own_settings.py").write_text(SETTINGS + text)
        return {"DJANGO_SETTINGS_MODULE": "own_settings", "PYTHONPATH": str(folder)}

    return write


class Broken(NamedTuple):
    """How it is broken, the ids of what is found, the code, and words that the findings have."""

    breaks: Callable[[ChatSite], dict[str, str]]
    ids: set[str]
    code: int
    words: str


FILES = (without_tables, newer_version, damaged, open_database)
OF_THE_FILE = pytest.mark.sqlite("its file is broken")
BROKEN = {
    "no tables": Broken(without_tables, {"chatcore.E101"}, 1, "./manage.py migrate"),
    "a newer version's tables": Broken(newer_version, {"chatcore.E102"}, 1, "0999_later"),
    "a damaged file": Broken(damaged, {"chatcore.E105"}, 1, "chat_restore"),
    "no database server": Broken(no_database_server, {"chatcore.E100"}, 1, "DATABASE_URL"),
    "no broker": Broken(no_broker, {"chatcore.E130"}, 1, "connecting to 127.0.0.1"),
    "open to all": Broken(open_to_all, {f"chatcore.W00{n}" for n in (7, 8, 9)}, 0, "CHAT_SIGNUP=off"),
    "open secrets": Broken(open_secrets, {"chatcore.W110", "chatcore.W111"}, 0, "chmod 600"),
    "open database": Broken(open_database, {"chatcore.W110"}, 0, "chat.sqlite3*"),
    "a layer in memory, sessions in cookies, late locks": Broken(
        with_settings(
            "CHANNEL_LAYERS = {'default': {'BACKEND': 'channels.layers.InMemoryChannelLayer'}}\n"
            "SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'\n"
            "DATABASES['default']['OPTIONS'] = {'init_command': 'PRAGMA journal_mode=DELETE'}\n"
        ),
        {"chatcore.W001", "chatcore.W003", "chatcore.W005", "chatcore.W104"},
        0,
        "transaction_mode",
    ),
    "the list-based layer": Broken(
        with_settings("CHANNEL_LAYERS['default']['BACKEND'] = 'channels_redis.core.RedisChannelLayer'\n"),
        {"chatcore.W002"},
        0,
        PUBSUB,
    ),
    "mistyped names": Broken(
        with_settings("CHANNEL_LAYERS['default']['CONFIG']['prefx'] = 1\nCHAT_MAX_LENGHT = 5\n"),
        {"chatcore.W006", "chatcore.W010"},
        0,
        "prefix",
    ),
    "settings of a wrong type": Broken(
        with_settings(
            "CHAT_MAX_LENGTH = 'many'\nALLOWED_HOSTS = ['x']\nCHAT_PUBLIC_URL = 'https://y.example'\n"
            "CHAT_SIGNUP = False\n"
        ),
        {"chatcore.E001", "chatcore.E002"},
        1,
        "CHAT_MAX_LENGTH",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(broken, id=name, marks=[OF_THE_FILE] if broken.breaks in FILES or "locks" in name else [])
        for name, broken in BROKEN.items()
    ],
)
def test_what_is_broken_is_named_with_what_to_do(bare: ChatSite, broken: Broken) -> None:
    env = broken.breaks(bare)
    code, told = found(bare, env=env)
    assert (code, set(told)) == (broken.code, broken.ids), told
    assert broken.words in str(told)
    assert "secret-word" not in str(told)
    plugin = bare.manage("chat_check", "--format", "nagios", env=env)
    assert plugin.returncode == broken.code + 1
    assert re.fullmatch(f"{('WARNING', 'CRITICAL')[broken.code]} - [^\n]+\n", plugin.stdout)
    assert plugin.stderr == ""


@pytest.mark.slow
@pytest.mark.sqlite("a writer that locks the whole database")
def test_a_database_that_another_program_locks_is_named(bare: ChatSite) -> None:
    other = sqlite3.connect(bare.var_dir / "chat.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        code, told = found(bare)
    finally:
        other.close()
    assert (code, set(told)) == (1, {"chatcore.E103"})
    assert "locked by another program" in told["chatcore.E103"]


# Broken ones with a server


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """That process stands still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.embedded("runchat's own broker stands still")
def test_a_broker_that_stands_still_and_then_a_server_that_does_are_named(chat_site: ChatSite) -> None:
    with stopped(chat_site.broker_pid()):
        code, told = found(chat_site)
        assert (code, set(told)) == (1, {"chatcore.E130"})
        assert "valkey.log" in told["chatcore.E130"]
    assert chat_site.process is not None
    with stopped(chat_site.process.pid):
        code, told = found(chat_site)
        assert (code, set(told)) == (1, {"chatcore.E142"})
        assert f":{chat_site.process.pid} " in told["chatcore.E142"]
    assert found(chat_site) == (0, {})


@pytest.mark.slow
@pytest.mark.sqlite("it names the file")
def test_a_check_that_means_other_data_than_the_server_is_named(chat_site: ChatSite) -> None:
    env = {"DATABASE_URL": f"sqlite:///{chat_site.var_dir}/other.sqlite3"}
    assert chat_site.manage("migrate", "-v0", env=env).returncode == 0
    code, told = found(chat_site, env=env)
    assert (code, set(told)) == (1, {"chatcore.E140"})
    assert "other.sqlite3" in told["chatcore.E140"]


@pytest.mark.slow
def test_a_server_that_cannot_read_what_is_rung_is_named(chat_site: ChatSite) -> None:
    env = with_settings("CHANNEL_LAYERS['default']['CONFIG']['serializer_format'] = 'json'\n")(chat_site)
    code, told = found(chat_site, env=env)
    assert (code, set(told)) == (1, {"chatcore.E143"})
    assert "the probe does not come back" in told["chatcore.E143"]


@pytest.mark.slow
@pytest.mark.embedded("runchat's own broker is set")
def test_a_broker_that_cuts_off_who_falls_behind_is_named(chat_site: ChatSite) -> None:
    with redis.Redis(unix_socket_path=str(chat_site.broker_socket)) as client:
        client.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 10")
    code, told = found(chat_site)
    assert (code, set(told)) == (0, {"chatcore.W132"})


# Its options and codes


@pytest.mark.slow
def test_deploy_adds_what_matters_to_others_and_django_s_own_checks(shared_bare: ChatSite) -> None:
    env = {"CHAT_RATE": "off"}
    code, told = found(shared_bare, "--deploy", env=env)
    assert code == 0
    assert {"chatcore.W012", "chatcore.W013", "security.W012"} <= told.keys()
    assert not {"chatcore.W012", "chatcore.W013", "security.W012"} & found(shared_bare, env=env)[1].keys()


LINES = [
    ("chat_check -q --format nagios", 0, "", ""),
    ("chat_check -v 0", 0, "", ""),
    ("chat_check --quiet --json --deploy --settings chatproject.settings --pythonpath /tmp", 0, "", ""),
    ("chat_check --no-color --traceback", 0, r"(info .*)?ok .*all is well\n", ""),
    ("chat_check --force-color --verbosity 2", 0, r"(\x1b\[36minfo .*)?\x1b\[32mok .*all is well\n", ""),
    ("chat_check --format xml", 2, "", r"usage: .*invalid choice: 'xml'.*\n"),
    ("chat_check newbox", 2, "", r"usage: .*error: .*newbox.*\n"),
    ("chat_check --help", 0, r"Look at every part .*3 UNKNOWN.*", ""),
]


@pytest.mark.slow
@pytest.mark.parametrize(("line", "code", "out", "error"), LINES)
def test_a_command_line_does_what_it_says(shared_bare: ChatSite, line: str, code: int, out: str, error: str) -> None:
    done = shared_bare.manage(*line.split())
    assert done.returncode == code, (done.stdout, done.stderr)
    assert re.fullmatch(out, done.stdout, re.DOTALL), done.stdout
    assert re.fullmatch(error, done.stderr, re.DOTALL), done.stderr


@pytest.mark.slow
def test_every_flag_is_in_a_line() -> None:
    parser = load_command_class("chatcli", "chat_check").create_parser("manage.py", "chat_check")
    used = {word for line, *_ in LINES for word in line.split()} | {"--version"}
    unused = [action.option_strings for action in parser._actions if used.isdisjoint(action.option_strings)]
    assert [names for names in unused if names] == []
