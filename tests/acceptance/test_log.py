"""What a client's mistakes leave in the server's log: at most a line each."""

import http.cookiejar
import re
import urllib.error
import urllib.request

import pytest

from tests.acceptance.site import ChatSite
from tests.waiting import wait_until


def status(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> int:
    try:
        with opener.open(request) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture
def browser() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def test_a_form_that_is_too_large_is_refused_without_a_traceback(
    shared_site: ChatSite, browser: urllib.request.OpenerDirector
) -> None:
    url = f"{shared_site.url}accounts/login/"
    with browser.open(url) as page:
        (token,) = re.findall(r'csrfmiddlewaretoken" value="([^"]+)', page.read().decode())
    for body in ("&".join(f"field{number}=1" for number in range(3000)), "a" * 4_000_000):
        request = urllib.request.Request(url, body.encode(), {"X-CSRFToken": token})
        assert status(browser, request) == 400
    wait_until(lambda: "RequestDataTooBig" in shared_site.stderr, "the log's line")
    assert "Traceback" not in shared_site.stderr


def test_a_foreign_host_name_is_refused_without_a_word(
    shared_site: ChatSite, browser: urllib.request.OpenerDirector
) -> None:
    request = urllib.request.Request(shared_site.url, headers={"Host": "evil.example\x1b[2J"})
    assert status(browser, request) == 400
    assert "evil" not in shared_site.stderr
