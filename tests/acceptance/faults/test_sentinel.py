"""The broker's master dies, with the Sentinel beside it: the other Sentinels make the replica the master, and servers
and commands ring there. Nothing is lost meanwhile, as readers follow the log.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.faults.posting import Commands, posting, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.sentinels import MASTER, Sentinels
from tests.acceptance.site import PROJECT, ChatSite
from tests.waiting import SOAK, wait_until

pytestmark = [pytest.mark.valkey, pytest.mark.slow, pytest.mark.fault("F6")]

CLIENTS = 6 if SOAK == 1 else 60
PASSWORD = "se/c@ret"


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    with Sentinels(PASSWORD) as sentinels:
        yield sentinels


@pytest.fixture
def site(sentinels: Sentinels, tmp_path: Path) -> Iterator[ChatSite]:
    """With the settings module that docs/operations.md shows."""
    page = (PROJECT / "docs" / "operations.md").read_text()
    text = page.partition("# own_settings.py: Sentinel\n")[2].partition("```")[0]
    for documented, ours in {
        '("10.0.0.1", 26379), ("10.0.0.2", 26379), ("10.0.0.3", 26379)': ", ".join(
            f'("127.0.0.1", {port})' for port in sentinels.ports
        ),
        '"master_name": "mymaster"': f'"master_name": "{MASTER}"',
        '"password": "secret"': f'"password": "{PASSWORD}"',
    }.items():
        assert text.count(documented) == 1, documented
        text = text.replace(documented, ours)
    (tmp_path / "own_settings.py").write_text(text)
    env = {"CHAT_RATE": "off", "DJANGO_SETTINGS_MODULE": "own_settings", "PYTHONPATH": str(tmp_path)}
    with ChatSite(env=env) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


def test_after_a_failover_servers_and_commands_ring_at_the_new_master(
    sentinels: Sentinels, site: ChatSite, figures: Callable[..., None]
) -> None:
    cookies, ledger, late = site.sign_in("alice", "bob"), Ledger(), list[float]()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd, posting(crowd) as took:
            assert await commands.send("all is well") == ""
            began = time.monotonic()
            await asyncio.to_thread(sentinels.kill_first)
            await asyncio.to_thread(sentinels.master.kill)
            while await asyncio.to_thread(sentinels.master_port) != sentinels.replica.port:
                await commands.send("the master is dead")
                late.append(await crowd.until_even())
            failed_over = time.monotonic() - began
            await asyncio.to_thread(wait_until, sentinels.replica.subscribers, "the server at the new master")
            heard = time.monotonic() - began
            await asyncio.to_thread(wait_until, lambda: "answers again" in site.stderr, "word that it is well again")
            assert await commands.send("all is well again") == ""
            late.append(await crowd.until_even())
            assert {person.entries for person in crowd.people} == {1}, "nobody had to reconnect"
        figures("F6", trouble="failover", failover_s=round(failed_over, 1), listens_after_s=round(heard, 1),
                on_pages_after_command_s=worst(late), ack_s=worst(took), command_s=worst(commands.took))  # fmt: skip

    asyncio.run(scenario())
    ledger.check(site)
    assert site.stderr.count("the live layer does not answer") == 1, site.stderr
    assert f"live     Redis {MASTER} by Sentinel at 127.0.0.1:{sentinels.ports[0]}, " in site.stdout
    assert PASSWORD not in site.stdout + site.stderr


def test_chat_check_asks_the_master_that_the_sentinels_name(sentinels: Sentinels, site: ChatSite) -> None:
    done = site.manage("chat_check", "--json")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    (broker,) = (it for it in findings if it["part"] == "broker")
    assert broker["level"] == "ok", done.stdout
    assert f"at {MASTER} by Sentinel at 127.0.0.1:{sentinels.ports[0]}, " in broker["what"]
    assert not [it for it in findings if it["level"] == "error"]
    assert PASSWORD not in done.stdout + done.stderr
