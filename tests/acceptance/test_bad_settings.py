"""Settings that cannot be, or hardly: a server and a command that meet them say in one line which it is and what to do,
or work without what is missing. The page's and the sockets' settings are in tests/integration/test_checks.py."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.site import READY, ChatSite
from tests.unit.hostile import FORBIDDEN
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("what it says before it serves")]


class Bad(NamedTuple):
    """The environment, and lines of a settings module of the site's own if there are any; what `chat_send` says (`sent`
    where it works), and what `runchat` says (`serves`, and what it warns of, where it works)."""

    env: Mapping[str, str]
    module: str
    send: tuple[int, str]
    serve: tuple[int | str, str]


SENT, SERVES = 0, "serves"
LAYER = "CHANNEL_LAYERS = {'default': {'BACKEND': %r}}\n"
BAD = {
    "no layer": Bad({}, "CHANNEL_LAYERS = {}\n", (SENT, ""), (SERVES, "")),
    "a layer of no such module": Bad({}, LAYER % "no.such.Layer", (SENT, ""), (SERVES, "")),
    "a layer that is none": Bad({}, LAYER % "datetime.date", (SENT, ""), (SERVES, "")),
    "a broker that nobody runs": Bad({"CHAT_REDIS_URL": "redis://127.0.0.1:1"}, "", (SENT, ""), (SERVES, "127.0.0.1")),
    "a broker at no address": Bad({"CHAT_REDIS_URL": "nonsense"}, "", (1, "CHAT_REDIS_URL"), (1, "CHAT_REDIS_URL")),
    "a run folder that is a file": Bad({"CHAT_RUN_DIR": "/dev/null/run"}, "", (SENT, ""), (SERVES, "/dev/null/run")),
    "a run folder that is too long": Bad(
        {"CHAT_RUN_DIR": f"/tmp/{'long' * 40}"},
        "",
        (SENT, ""),
        (SERVES, "CHAT_RUN_DIR"),
    ),
    "a database of no kind": Bad({"DATABASE_URL": "nonsense://x"}, "", (1, "DATABASE_URL"), (1, "DATABASE_URL")),
    "a database server that is not there": Bad(
        {"DATABASE_URL": "postgres://a:secret-word@127.0.0.1:1/x"}, "", (5, "does not answer"), (5, "does not answer")
    ),
    "a database that is a folder": Bad({"DATABASE_URL": "sqlite:////tmp"}, "", (5, "unable to open"), (5, "unable")),
    "a database that can only be read": Bad(
        {},
        "DATABASES['default']['OPTIONS']['init_command'] = 'PRAGMA query_only=1'\n",
        (5, "cannot be written"),
        (SERVES, ""),
    ),
    "no hosts": Bad({}, "DEBUG = False\nALLOWED_HOSTS = []\n", (SENT, ""), (1, "ALLOWED_HOSTS is empty")),
    "a public address that is none": Bad(
        {"CHAT_PUBLIC_URL": "chat.example.org"}, "", (1, "CHAT_PUBLIC_URL"), (1, "CHAT_PUBLIC_URL")
    ),
    "a flag that is none": Bad({"CHAT_SIGNUP": "perhaps"}, "", (1, "on or off"), (1, "on or off")),
    "a number that is none": Bad({"CHAT_MAX_LENGTH": "\x1b[2J"}, "", (1, "CHAT_MAX_LENGTH"), (1, "CHAT_MAX_LENGTH")),
    "a rate that is none": Bad({"CHAT_RATE": "much"}, "", (1, "CHAT_RATE"), (1, "CHAT_RATE")),
    "proxies that are none": Bad(
        {"CHAT_TRUSTED_PROXIES": "everybody"}, "", (1, "CHAT_TRUSTED_PROXIES"), (1, "CHAT_TRUSTED_PROXIES")
    ),
    "a time zone of nowhere": Bad(
        {"DJANGO_TIME_ZONE": "Moon/Crater"}, "", (1, "DJANGO_TIME_ZONE"), (1, "DJANGO_TIME_ZONE")
    ),
    "a settings module that is not there": Bad(
        {"DJANGO_SETTINGS_MODULE": "no.such"}, "", (1, "no.such"), (1, "no.such")
    ),
}


@pytest.fixture
def site() -> Iterator[ChatSite]:
    """Data with the room newbox; no server runs yet."""
    site = ChatSite(arguments=["--drain", "1"])
    try:
        for line in (["migrate", "-v0"], ["create_room", "-q", "newbox"], ["chat_send", "-q", "newbox", "first"]):
            assert site.manage(*line).returncode == 0
        yield site
    finally:
        site.close()


def environment(site: ChatSite, bad: Bad) -> dict[str, str]:
    if not bad.module:
        return dict(bad.env)
    (site.var_dir / "bad_settings.py").write_text(f"from chatproject.settings import *\n{bad.module}")
    return {**bad.env, "DJANGO_SETTINGS_MODULE": "bad_settings", "PYTHONPATH": str(site.var_dir)}


def said_well(error: str, words: str) -> bool:
    """Whether it is short, harmless and no traceback, and has the words."""
    harmless = not [character for character in FORBIDDEN if character in error]
    return words in error and harmless and "Traceback" not in error and "secret-word" not in error


def of_one_engine(bad: Bad) -> list[pytest.MarkDecorator]:
    """Some are bad for one alone."""
    if "CHAT_RUN_DIR" in bad.env:
        return [pytest.mark.embedded("the folder is its broker's")]
    return [pytest.mark.sqlite("its own settings")] if "PRAGMA" in bad.module else []


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name, marks=of_one_engine(bad)) for name, bad in BAD.items()])
def test_bad_settings_are_said_in_a_line_or_do_no_harm(site: ChatSite, bad: Bad) -> None:
    env = environment(site, bad)
    done = site.manage("chat_send", "newbox", "hello", "--timeout", "3", "--retry", "0", env=env)
    assert (done.returncode, done.stdout) == (bad.send[0], "newbox #2\n" if bad.send[0] == SENT else ""), done.stderr
    assert said_well(done.stderr, bad.send[1]), done.stderr
    assert done.stderr.count("\n") <= 1, done.stderr

    good, site.env = site.env, {**site.env, **env}
    code, words = bad.serve
    site.launch()
    assert site.process is not None
    ready = wait_until(lambda: site.ended() or READY["runchat"].search(site.stdout), "its end, or that it is ready")
    if code == SERVES:
        assert isinstance(ready, re.Match), site.stderr
        assert site.stop() == 0
    else:
        assert site.process.wait() == code, site.stderr
        of_django_s_checks = site.stderr.startswith("SystemCheckError: ")
        assert of_django_s_checks or site.stderr.count("\n") == 1, site.stderr
    assert said_well(site.stderr + (site.stdout if code == SERVES else ""), words), site.stderr
    site.env = good
    texts = [message["message"] for message in in_the_log(site, "newbox")]
    assert texts == (["first", "hello"] if bad.send[0] == SENT else ["first"])
