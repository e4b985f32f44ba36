"""A chat below a path of the site has its API below it, too, and none at the root."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.site import PROJECT, ChatSite

pytestmark = pytest.mark.slow
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.acceptance.http_api.below_settings", "PYTHONPATH": str(PROJECT)}


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(env=SETTINGS) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site
        assert "Traceback" not in site.stderr


@pytest.fixture(scope="module")
def guest(site: ChatSite) -> Guest:
    return Guest(site, token(site, "guest", "--room", "newbox"), "/talk/api/")


def test_it_posts_reads_and_follows_there(guest: Guest) -> None:
    with guest.stream("newbox", "?after=0") as stream:
        assert guest.post("newbox", "hello").status == 201
        event = stream.next()
    assert event is not None
    assert event["message"] == "hello"
    assert guest.get("rooms/newbox/messages").json["messages"] == [event]


def test_there_is_none_at_the_root(guest: Guest) -> None:
    assert replace(guest, base="/api/").post("newbox", "hello").status == 404


def test_the_address_of_a_hook_and_the_description_name_the_path(site: ChatSite, guest: Guest) -> None:
    address = token(site, "ci", "--hook", "newbox")
    assert "/talk/api/hooks/" in address
    path = address[address.index("/talk/") :].removeprefix("/talk/api/")
    assert Guest(site, None, "/talk/api/").ask("POST", path, {"text": "built"}).body == b"ok"
    description = Guest(site, None, "/talk/api/").get("openapi.json").json
    assert json.dumps(description["servers"]).count("/talk/api") == 1
    page = Guest(site, None, "/talk/api/").get("")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"/talk/api/openapi.json" in page.body
