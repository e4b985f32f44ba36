"""The site as others reach it: through nginx with TLS, under its public address."""

import http.client
import os
import re
import ssl
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.acceptance.browsing import ARGUMENTS, CHROMIUM, People
from tests.acceptance.nginx import HOST, Nginx
from tests.acceptance.site import ChatSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class PublicSite(ChatSite):
    """A site whose people come through nginx."""

    nginx: Nginx

    @property
    def url(self) -> str:
        return self.nginx.url


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicSite]:
    nginx = Nginx(tmp_path_factory.mktemp("nginx"))
    env = {"CHAT_PUBLIC_URL": nginx.url.rstrip("/"), "CHAT_TRUSTED_PROXIES": "127.0.0.1"}
    with PublicSite(env=env) as site:
        nginx.site_port, site.nginx = site.port, nginx
        with nginx:
            site.manage("create_room", "newbox")
            site.sign_in("alice", "bob")
            yield site


@pytest.fixture
def people() -> Iterator[People]:
    """In a Chromium that finds the site's name on this machine."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as play:
        browser: Browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        people = People(browser, {})
        yield people
        troubles = people.leave()
    assert not troubles, troubles


def test_people_sign_in_and_chat_through_nginx_with_tls(site: PublicSite, people: People) -> None:
    alice, bob = (people.visitor(site, ignore_https_errors=True) for _ in range(2))
    for person, name in ((alice, "alice"), (bob, "bob")):
        person.page.goto(f"{site.url}chat/newbox/")
        person.page.locator("[name=username]").fill(name)
        person.page.locator("[name=password]").fill(site.password)
        person.page.locator("[name=password]").press("Enter")
        person.await_state("live")
        assert person.page.url == f"{site.url}chat/newbox/"
    alice.write("through the proxy")
    bob.message("through the proxy").wait_for()
    assert site.manage("chat_send", "newbox", "from the command line").returncode == 0
    alice.message("from the command line").wait_for()
    assert alice.texts == bob.texts == ["through the proxy", "from the command line"]
    cookies = alice.context.cookies()
    assert {cookie["name"] for cookie in cookies} == {"sessionid", "csrftoken"}
    assert all(cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies)


def guess(site: PublicSite, address: str, forwarded: str = "") -> int:
    """The status of a wrong password, sent from this address of the machine."""
    context = ssl.create_default_context(cafile=str(site.nginx.certificate))
    context.check_hostname = False  # the name leads elsewhere; the certificate is looked at
    connection = http.client.HTTPSConnection(
        "127.0.0.1", site.nginx.port, source_address=(address, 0), context=context, timeout=30
    )
    origin = site.url.rstrip("/")
    headers = {"Host": f"{HOST}:{site.nginx.port}", "Origin": origin}
    headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
    connection.request("GET", "/accounts/login/", headers=headers)
    answer = connection.getresponse()
    page, cookie = answer.read().decode(), (answer.getheader("Set-Cookie") or "").partition(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1], "username": "bob", "password": "a guess"}
    headers |= {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/accounts/login/", urlencode(form), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_site_tells_clients_behind_the_proxy_apart(site: PublicSite) -> None:
    assert [guess(site, "127.0.0.2") for _ in range(5)] == [200, 200, 200, 200, 429]
    assert guess(site, "127.0.0.2", forwarded="198.51.100.1") == 429  # a claim of one's own changes nothing
    assert guess(site, "127.0.0.3") == 200
