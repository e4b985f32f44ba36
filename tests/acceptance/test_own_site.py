"""A fresh Django site with a user model of its own follows docs/in-your-site.md to the letter, with the wheel."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.parse
import urllib.request
import venv
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow

DOCUMENT = PROJECT / "docs" / "in-your-site.md"
PASSWORD = "a long enough password"
#: What the site has before there is a chat.
SETTINGS = """
AUTH_USER_MODEL = "people.Person"
INSTALLED_APPS += ["people"]
LOGIN_REDIRECT_URL = "/talk/"
"""
URLS = """
from django.urls import include
from people import views
urlpatterns += [path("accounts/", include("django.contrib.auth.urls")), path("order/", views.order)]
"""
#: The same site otherwise: a database and a layer for the chat, hashed static files elsewhere, neither admin nor
#: sessions in the database, each request in a transaction, another language, and another app's sockets.
VARIED = """
from mysite.settings import *
ROOT_URLCONF, ASGI_APPLICATION = "mysite.varied_urls", "mysite.varied_asgi.application"
INSTALLED_APPS = [name for name in INSTALLED_APPS if name not in ("django.contrib.admin", "django.contrib.sessions")]
SESSION_ENGINE = "django.contrib.sessions.backends.file"
SESSION_FILE_PATH = str(BASE_DIR / "sessions")
DEBUG, ALLOWED_HOSTS = False, ["127.0.0.1"]
STATIC_URL, STATIC_ROOT = "https://static.example/assets/", BASE_DIR / "assets"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "de"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CHAT_CHANNEL_LAYER = "chat"
CHAT_VAR_DIR = BASE_DIR / "varied"
"""
ATOMIC = 'DATABASES["default"]["ATOMIC_REQUESTS"] = True\n'
VARIED_URLS = """
from django.urls import include, path
from people import views
urlpatterns = [
    path("accounts/", include("django.contrib.auth.urls")),
    path("order/", views.order),
    path("deep/talk/", include("chatcore.urls")),
]
"""
VARIED_ASGI = """
from mysite.asgi import pages
from channels.routing import URLRouter
from django.urls import path
from chatcore.routing import chat_application
from people.consumers import EchoConsumer

others = URLRouter([path("ws/chat/<str:room_name>/", EchoConsumer.as_asgi())])
application = chat_application(http=pages, websocket=others)
"""


def blocks(section: str) -> list[tuple[str, str]]:
    """The document's blocks of code in that section: language and text."""
    text = DOCUMENT.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class OwnSite:
    """A site that somebody else has made, in a folder, with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.home, self.python = folder / "mysite", folder / "venv" / "bin" / "python"
        self.settings = "mysite.settings"
        self._server: subprocess.Popen[str] | None = None
        self.port = 0

    def run(self, *words: str | Path, stdin: str = "") -> str:
        """A program of the site's Python; its output."""
        done = subprocess.run(
            [self.python, *words], cwd=self.home, env=self.environment, input=stdin, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def manage(self, *words: str, stdin: str = "") -> str:
        """A command of the site's manage.py."""
        return self.run("manage.py", *words, stdin=stdin)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "DJANGO_SETTINGS_MODULE": self.settings,
            "PYTHONWARNINGS": "error::SyntaxWarning",
        }

    def add(self, path: str, text: str) -> None:
        """Append to one of the site's files."""
        with (self.home / path).open("a") as file:
            file.write(text)

    def follow(self, section: str) -> None:
        """Do what the document's section says: Python goes into the files that it names, commands are run."""
        for language, text in blocks(section):
            if language == "python" and (named := re.match(r"# (\S+\.py)\n", text)):
                self.add(named[1], text)
            elif language == "sh":
                for line in text.splitlines():
                    self.obey(line.removeprefix("python manage.py ").split())

    def obey(self, words: list[str]) -> None:
        if words[0] == "runchat":
            self.start()
        else:
            self.manage(*(word.strip('"') for word in words))

    def start(self) -> None:
        """`runchat` on a free port."""
        log = self.home / "server.log"
        with log.open("w") as output:
            self._server = subprocess.Popen(
                [self.python, "manage.py", "runchat", "0"],
                cwd=self.home, env=self.environment, stdout=output, stderr=output, text=True,
            )  # fmt: skip
        server = self._server
        ready = wait_until(
            lambda: server.poll() is not None or re.search(r"^Ready: .*:(\d+)/", log.read_text(), re.M), "ready"
        )
        assert isinstance(ready, re.Match), log.read_text()
        self.port = int(ready[1])

    def stop(self) -> None:
        """End the server in order."""
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            assert self._server.wait(DEADLINE_S) == 0, (self.home / "server.log").read_text()
            self._server = None


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnSite]:
    """A new site with Roomline's wheel, where the first section of the document was followed."""
    folder = tmp_path_factory.mktemp("own")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "chatcore", "chatcli"):
        subprocess.run(["cp", "-r", PROJECT / name, source], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", folder / "wheels", source], check=True)
    venv.create(folder / "venv")
    site = OwnSite(folder)
    # What the wheel requires is there already: this environment's packages, behind the site's own.
    [packages] = (folder / "venv" / "lib").glob("*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    [wheel] = (folder / "wheels").glob("*.whl")
    subprocess.run([*pip, "--python", site.python, "install", "-q", "--no-deps", wheel], check=True)
    subprocess.run([site.python, "-m", "django", "startproject", "mysite"], cwd=folder, check=True)
    site.manage("startapp", "people", "--template", str(PROJECT / "tests" / "acceptance" / "own_site" / "people"))
    site.add("mysite/settings.py", SETTINGS)
    site.add("mysite/urls.py", URLS)
    site.add("mysite/asgi.py", "\npages = application\n")
    # the models post, and so need the chat: the site gets it first, then its own migrations
    first = blocks("The few lines")[0][1]
    site.add("mysite/settings.py", first)
    site.manage("makemigrations", "people")
    text = (site.home / "mysite/settings.py").read_text()
    (site.home / "mysite/settings.py").write_text(text.replace(first, ""))
    site.follow("The few lines")
    yield site
    site.stop()


class Browser:
    """What a browser does without its engine: cookies, a form, a page's data, a socket."""

    def __init__(self, site: OwnSite) -> None:
        self.root = f"http://127.0.0.1:{site.port}"
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def get(self, path: str) -> str:
        with self._opener.open(self.root + path, timeout=DEADLINE_S) as answer:
            text: str = answer.read().decode()
            return text

    def sign_in(self, name: str) -> None:
        """By the site's own page."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get("/accounts/login/"))
        assert token is not None
        form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1], "next": "/order-is-none/"}
        data = urllib.parse.urlencode(form).encode()
        with pytest.raises(urllib.error.HTTPError, match="404"):  # where it leads to next: signed in
            self._opener.open(self.root + "/accounts/login/", data, timeout=DEADLINE_S)
        assert "sessionid" in {cookie.name for cookie in self._jar}

    def socket(self, path: str) -> Any:
        """A socket there, with the cookies and the origin of a page."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)
        url = self.root.replace("http", "ws") + path
        return connect(url, additional_headers={"Cookie": cookies}, origin=self.root, proxy=None)  # type: ignore[arg-type]


def page_data(page: str) -> dict[str, Any]:
    """What the page tells its scripts."""
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None, page
    data: dict[str, Any] = json.loads(found[1])
    return data


async def first_after(browser: Browser, path: str, site: OwnSite, text: str) -> dict[str, Any]:
    """The message that the page at this socket gets when a command sends it."""
    async with asyncio.timeout(DEADLINE_S), browser.socket(path) as socket:
        await socket.send('{"type": "hello"}')
        await asyncio.to_thread(site.manage, "chat_send", "newbox", text)
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame.get("message") == text:
                return frame


def make_account(site: OwnSite, name: str) -> None:
    site.manage("chat_user", "create", name, "--password-file", "-", stdin=PASSWORD)


def test_the_few_lines_bring_a_message_of_a_command_into_the_sites_page(own_site: OwnSite) -> None:
    make_account(own_site, "ann@example.org")
    browser = Browser(own_site)
    assert "Sign in" not in browser.get("/talk/"), "the site's own form is shown"
    browser.sign_in("ann@example.org")
    page = browser.get("/talk/chat/newbox/")
    data = page_data(page)
    assert data["sockets"] == "/talk/ws/chat/"
    assert "Our site</title>" in page
    for address in re.findall(r'(?:src|href)="(/(?:static|talk/scripts)/[^"]+)"', page):
        assert browser.get(address)
    frame = asyncio.run(first_after(browser, f"{data['sockets']}newbox/?v=1", own_site, "from a command"))
    assert frame["seq"] == 2, "the document's own hello was the first"
    assert json.loads(browser.get("/talk/healthz"))["status"] == "ok"


def test_its_commands_know_the_server(own_site: OwnSite) -> None:
    told = own_site.manage("chat_check")
    assert re.search(r"^ok +server", told, re.MULTILINE), told
    assert re.search(r"^ok +broker", told, re.MULTILINE), told
    assert (own_site.home / "var" / "run" / "valkey.sock").exists()


def test_the_sites_own_tests_pass_with_the_chats_fixtures(own_site: OwnSite) -> None:
    own_site.follow("Your tests")
    own_site.follow("Who may do what")
    told = own_site.run("-m", "pytest", "-q", "-p", "no:valkey", "-p", "no:cacheprovider", "people/tests.py")
    assert re.search(r"\d+ passed", told), told
    assert "skipped" not in told, told


@pytest.fixture
def varied(own_site: OwnSite) -> Iterator[OwnSite]:
    """The site with everything elsewhere."""
    own_site.stop()
    own_site.add("mysite/varied.py", VARIED + blocks("A database and a channel layer of its own")[0][1] + ATOMIC)
    own_site.add("mysite/varied_urls.py", VARIED_URLS)
    own_site.add("mysite/varied_asgi.py", VARIED_ASGI)
    (own_site.home / "sessions").mkdir()
    own_site.settings = "mysite.varied"
    yield own_site
    own_site.stop()
    own_site.settings = "mysite.settings"


def test_everything_may_be_elsewhere(varied: OwnSite) -> None:
    varied.manage("migrate", "-v0")
    varied.manage("migrate", "-v0", "--database", "chat")
    varied.manage("collectstatic", "--no-input", "-v0")
    told = varied.run("-m", "pytest", "-q", "-p", "no:valkey", "-p", "no:cacheprovider", "people/tests.py")
    assert re.search(r"\d+ passed", told), told
    varied.manage("create_room", "newbox")
    varied.manage("create_room", "team-blue")
    varied.start()
    make_account(varied, "bea@example.org")
    browser = Browser(varied)
    browser.sign_in("bea@example.org")
    rooms = browser.get("/deep/talk/")
    assert "newbox" in rooms
    assert "team-blue" not in rooms
    page = browser.get("/deep/talk/chat/newbox/")
    assert re.search(r'"https://static.example/assets/chatcore/style\.[0-9a-f]{12}\.css"', page)
    assert 'lang="de"' in page
    data = page_data(page)
    frame = asyncio.run(first_after(browser, f"{data['sockets']}newbox/?v=1", varied, "hallo"))
    assert frame["seq"] == 1, "in a database of its own"
    assert asyncio.run(echo_of_the_other_app(browser)) == {"room": "newbox", "echo": "hi"}


async def echo_of_the_other_app(browser: Browser) -> Any:
    async with asyncio.timeout(DEADLINE_S), browser.socket("/ws/chat/newbox/") as socket:
        await socket.send('{"message": "hi"}')
        return json.loads(await socket.recv())
