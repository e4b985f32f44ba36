"""docs/tutorial.md, step by step, on the project of the classic tutorial, with a browser at its page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.valkeys import free_port
from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEXT = (PROJECT / "docs/tutorial.md").read_text()
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
SERVER = "python manage.py runchat"
#: Not run here, and why.
NOT_RUN = {"pip install ../roomline": "the packages are there; test_own_site installs the wheel"}


class Tutorial:
    """The reader's folder, shell and server."""

    def __init__(self, folder: Path) -> None:
        self.home, self.port = folder, free_port()
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("CHAT_", "DJANGO_"))}
        self.env |= {"PATH": f"{Path(sys.executable).parent}:{self.env['PATH']}", "PYTHONPATH": str(PROJECT)}
        self._server: subprocess.Popen[bytes] | None = None

    def follow(self, section: str, before: Callable[[str], None]) -> str:
        """Do what the section says; what its commands printed. `before` is called with each line before it is run."""
        printed = ""
        for language, block in re.findall(r"^```(python|sh)\n(.*?)^```$", SECTIONS[section], re.M | re.S):
            if language == "python":
                self._write(block)
            else:
                for line in block.splitlines():
                    before(line)
                    printed += self._run(line)
        return printed

    def _write(self, block: str) -> None:
        head, _, rest = block.partition("\n")
        name, at_its_end = re.fullmatch(r"# (\S+)(, at its end)?", head).groups()  # type: ignore[union-attr]
        path = self.home / name
        path.write_text((path.read_text() if at_its_end else "") + rest)

    def _run(self, line: str) -> str:
        if line in NOT_RUN:
            return ""
        if line == SERVER:
            self.stop()
            self._start()
            return ""
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=self.home, env=self.env, capture_output=True, text=True, timeout=DEADLINE_S
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _start(self) -> None:
        log = self.home / "log"
        with log.open("wb") as out:
            command = [*SERVER.split(), str(self.port)]  # 8000 may be somebody else's
            self._server = subprocess.Popen(command, cwd=self.home, env=self.env, stdout=out, stderr=out)
        wait_until(lambda: "Ready:" in log.read_text() or self._server.poll() is not None, "the server")  # type: ignore[union-attr]
        assert self._server.poll() is None, log.read_text()

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            assert self._server.wait(DEADLINE_S) == 0

    def url(self, address: str) -> str:
        """An address of the text, as it is here."""
        assert f"<{address}>" in TEXT
        return address.replace(":8000", f":{self.port}")


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Tutorial]:
    shutil.copytree(PROJECT / "tests/acceptance/classic", tmp_path / "mysite")
    tutorial = Tutorial(tmp_path / "mysite")
    yield tutorial
    tutorial.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(1000 * DEADLINE_S)
    yield context.new_page()
    context.close()


def test_the_tutorial_leads_from_the_classic_page_to_ours(tutorial: Tutorial, page: Page) -> None:
    def use_the_old_page(line: str) -> None:
        if line != 'python manage.py chat_send lobby "hello from a script"':
            return
        page.goto(tutorial.url("http://127.0.0.1:8000/admin/"))
        page.fill("[name=username]", "alice")
        page.fill("[name=password]", "a long enough password")
        page.click("[type=submit]")
        page.wait_for_url("**/admin/")
        with page.expect_websocket() as opened:
            page.goto(tutorial.url("http://127.0.0.1:8000/chat/lobby/"))
        page.wait_for_function("socket.readyState === WebSocket.OPEN")
        assert "/ws/chat/lobby/" in opened.value.url
        page.fill("#text", "hello from the old page")
        page.press("#text", "Enter")
        expect(page.locator("#log")).to_have_value(re.compile("hello from the old page\n"))

    one, two, three, four, *_ = SECTIONS
    tutorial.follow(one, use_the_old_page)
    tutorial.follow(two, use_the_old_page)
    printed = tutorial.follow(three, use_the_old_page)
    expect(page.locator("#log")).to_have_value(re.compile("hello from the old page\nhello from a script\n"))
    assert re.search("hello from the old page\n.*hello from a script\n", printed)

    tutorial.follow(four, lambda line: None)
    page.goto(tutorial.url("http://127.0.0.1:8000/chat/lobby/"))
    rows = page.locator("#rows .text")
    expect(rows).to_have_text(["hello from the old page", "hello from a script", "Version 7 is out", "Order 7 shipped"])
