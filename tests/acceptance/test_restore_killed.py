"""`chat_restore` killed at any moment: the database that is there is one of the two, whole."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK

pytestmark = pytest.mark.sqlite("its file is saved and put back")

KILLS = 6 * SOAK


def texts(site: ChatSite) -> list[str]:
    return [message["message"] for message in in_the_log(site, "newbox")]


@pytest.mark.slow
def test_a_restore_that_is_killed_has_happened_or_has_not(tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    site = ChatSite()
    database = site.var_dir / "chat.sqlite3"
    try:
        for arguments in (
            ("migrate", "-v0"),
            ("create_room", "newbox", "-q"),
            ("chat_send", "-q", "newbox", "saved"),
            ("chat_backup", "-q", str(copy)),
            ("chat_send", "-q", "newbox", "later"),
        ):
            assert site.manage(*arguments).returncode == 0
        kept = tmp_path / "kept.sqlite3"
        assert site.manage("chat_backup", "-q", str(kept)).returncode == 0
        began = time.monotonic()
        assert site.manage("chat_restore", "-q", "--no-input", str(copy)).returncode == 0
        whole = time.monotonic() - began
        assert texts(site) == ["saved"]
        shutil.copy(kept, database)
        found = set()
        for number in range(KILLS):
            command = site.popen("chat_restore", "-q", "--no-input", str(copy))
            time.sleep(whole * number / (KILLS - 1))
            command.kill()
            command.communicate()
            with closing(sqlite3.connect(database)) as opened:
                assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found.add(tuple(texts(site)))
            assert found <= {("saved",), ("saved", "later")}
        assert ("saved", "later") in found  # the first kill was early enough for anybody
        assert site.manage("chat_send", "newbox", "next").returncode == 0
        assert site.manage("chat_restore", "-q", "--no-input", str(copy)).returncode == 0
        assert texts(site) == ["saved"]
        assert not (site.var_dir / ".restoring").exists()
    finally:
        site.close()
