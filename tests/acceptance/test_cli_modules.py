"""What commands load: a cold start pays for nothing that it does not use."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal

pytestmark = [
    pytest.mark.sqlite("elsewhere its URL is read and its driver loaded"),
    pytest.mark.embedded("elsewhere there is a broker to ring"),
]
#: Runs a command line as manage.py does, and keeps the names of the modules that it has loaded.
SCRIPT = """
import atexit, os, runpy, sys
path, *sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
atexit.register(lambda: print("\\n".join(sys.modules), file=open(path, "w")))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
NO_COMMAND_NEEDS = {
    "twisted", "autobahn", "daphne", "uvloop", "whitenoise", "redis", "channels_redis", "channels.layers",
    "axes", "dj_database_url", "django.contrib.auth.admin", "chatproject.urls", "chatproject.asgi",
    "chatcore.admin", "chatcore.clock", "chatcore.consumers", "chatcore.history.room_list", "chatcore.history.search",
    "chatcore.hub", "chatcore.views", "chatcore.writer",
    "chatcore.endpoints", "chatcore.exposition", "chatcore.health", "chatcore.metrics", "prometheus_client",
    "chatcore.services.sessions", "websockets",
    "chatcli.bench", "chatcli.broker", "chatcli.completion", "chatcli.job", "chatcli.server",
}  # fmt: skip
MARKDOWN = {"chatcore.markdown", "markdown_it", "nh3"}
FOR_MANY = {f"chatcli.sending.{name}" for name in ("appointments", "bulk", "changing", "dry_run", "waiting")}


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server and a broker."""
    site = ChatSite()
    assert site.manage("migrate", "-v0").returncode == 0
    assert site.manage("create_room", "newbox").returncode == 0
    yield site
    site.close()


def modules(site: ChatSite, *arguments: str, terminal: bool = False) -> set[str]:
    """What the command has loaded, with the packages of what it has loaded."""
    path = site.var_dir / "modules"
    command = [sys.executable, "-c", SCRIPT, str(path), *site.command(*arguments)[1:]]
    if terminal:
        code, output = on_terminal(command, site.env)
        assert code == 0, output
    else:
        done = subprocess.run(
            command, env=site.env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
    names = path.read_text().split()
    return {".".join(parts[:end]) for parts in (name.split(".") for name in names) for end in range(1, 9)}


def test_chat_send_loads_nothing_that_it_does_not_need(site: ChatSite) -> None:
    loaded = modules(site, "chat_send", "newbox", "hello")
    assert "chatcore.services" in loaded
    unused = NO_COMMAND_NEEDS | FOR_MANY | MARKDOWN | {"rich", "chatcli.tail", "chatcore.feed"}
    assert loaded & unused == set()
    assert "rich" not in modules(site, "chat_send", "newbox", "hello", terminal=True)


def test_chat_tail_loads_nothing_that_it_does_not_need_and_rich_only_on_a_terminal(site: ChatSite) -> None:
    loaded = modules(site, "chat_tail", "newbox", "--no-follow", "-n1")
    assert "chatcore.feed" in loaded
    assert loaded & (NO_COMMAND_NEEDS | {"rich", "chatcli.sending"}) == set()
    assert "rich" in modules(site, "chat_tail", "newbox", "--no-follow", "-n1", terminal=True)


def test_a_subcommand_loads_no_others(site: ChatSite) -> None:
    loaded = modules(site, "chat_rooms", "list")
    assert {name for name in loaded if name.startswith("chatcli.rooms.")} == {
        "chatcli.rooms.description",
        "chatcli.rooms.listing",
    }
    assert loaded & (NO_COMMAND_NEEDS | {"rich", "chatcore.services", "chatcore.feed"}) == set()
