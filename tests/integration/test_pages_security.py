"""What every page keeps: its policy, nothing inline, and that no text of a person becomes markup."""

import gzip
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory

from chatcore import services
from chatcore.csp import content_security_policy

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}%s{0}"
PAGES = [
    "/",
    "/rooms/new/",
    "/chat/newbox/",
    "/chat/newbox/people/",
    "/chat/newbox/search/?q=x",
    "/chat/nowhere/",
    "/chat/<script>alert(1)</script>/",
    "/no/such/page",
    "/accounts/login/?next=/chat/newbox/",
    "/accounts/signup/",
]


class Inline(HTMLParser):
    """Collects what a strict policy forbids, and the texts of the page."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.addresses: list[str] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names and names.get("type") != "application/json"):
            self.found.append(tag)
        self.found += [name for name in names if name.startswith("on") or name == "style"]
        self.addresses += [names[name] or "" for name in ("src", "href", "action") if name in names]


@pytest.fixture(params=["guest", "person", "staff"])
def visitor(request: pytest.FixtureRequest, client: Client) -> Client:
    services.create_room("newbox", title=HOSTILE, topic=HOSTILE)
    if request.param != "guest":
        client.force_login(User.objects.create_user("alice", is_staff=request.param == "staff"))
    return client


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_anything_inline_or_from_elsewhere(visitor: Client, path: str) -> None:
    page = Inline(visitor.get(path).content.decode())
    assert page.found == []
    assert [address for address in page.addresses if not address.startswith(("/", "#"))] == []


@pytest.mark.parametrize("path", [*PAGES, "/admin/login/"])
def test_every_page_brings_its_policy(visitor: Client, path: str) -> None:
    policy = visitor.get(path).headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["form-action"] == "'self'"
    assert directives["connect-src"].split() == ["'self'", "ws://testserver", "wss://testserver"]
    assert "unsafe" not in policy


def test_a_foreign_host_gets_into_no_policy(client: Client) -> None:
    response = client.get("/", headers={"host": "evil.example; script-src *"})
    assert response.status_code == 400
    assert "evil" not in response.headers.get("Content-Security-Policy", "")


def test_hostile_titles_stay_text(client: Client) -> None:
    services.create_room("newbox", title=HOSTILE, topic=HOSTILE)
    client.force_login(User.objects.create_user("alice", first_name=HOSTILE[:60]))
    for path in ("/", "/chat/newbox/"):
        body = client.get(path).content.decode()
        assert "<script>alert" not in body
        assert "<img src=x" not in body
        assert "&lt;script&gt;alert(1)" in body


def test_the_policy_guards_asynchronous_views_too() -> None:
    from asgiref.sync import async_to_sync

    @content_security_policy
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("later")

    response = async_to_sync(view)(AsyncRequestFactory().get("/"))
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_view_may_bring_a_policy_of_its_own() -> None:
    @content_security_policy
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("own", headers={"Content-Security-Policy": "default-src https:"})

    assert view(RequestFactory().get("/")).headers["Content-Security-Policy"] == "default-src https:"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_to_read_are_only_read(client: Client, method: str) -> None:
    services.create_room("newbox")
    client.force_login(User.objects.create_user("alice"))
    for path in ("/", "/chat/newbox/"):
        assert getattr(client, method)(path).status_code == 405


def test_an_error_of_the_server_has_a_page() -> None:
    from django.template.loader import render_to_string

    page = Inline(render_to_string("500.html"))
    assert page.found == []
    assert "/static/chatcore/style.css" in page.addresses


def test_the_room_s_script_is_one_lasting_file(client: Client) -> None:
    services.create_room("newbox")
    client.force_login(User.objects.create_user("alice"))
    page = Inline(client.get("/chat/newbox/").content.decode())
    [address] = [address for address in page.addresses if address.endswith(".js")]
    plain, zipped = client.get(address), client.get(address, headers={"accept-encoding": "br, gzip"})
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert gzip.decompress(zipped.content) == plain.content
    assert len(zipped.content) < len(plain.content) / 2
    older = client.get(address.replace(address.split("/")[-2], "0123456789abcdef"))
    assert (older.content, older.headers["Cache-Control"]) == (plain.content, "no-cache")
    for other in ("log.js", "views.py", "..%2fviews.py"):
        assert client.get(address.replace("room.js", other)).status_code == 404
