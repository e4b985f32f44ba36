"""The page of the HTTP API, and the document that it shows."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import clear_script_prefix, set_script_prefix
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from chatcore.api.table import OPERATIONS
from chatcore.csp import HEADER
from tests.integration.api import asked

pytestmark = pytest.mark.django_db


class Links(HTMLParser):
    """The anchors of a page, and the links to them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a" and str(given.get("href")).startswith("#"):
            self.targets.add(str(given["href"])[1:])


def test_it_needs_no_account_and_no_database(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        page = client.get("/api/")
    assert page.status_code == 200
    assert "script-src 'self'" in page[HEADER]


def test_it_shows_every_operation_with_an_example_for_this_site(client: Client) -> None:
    page = client.get("/api/").content.decode()
    for operation in OPERATIONS:
        assert f'<h2 id="{operation.name}"' in page
        assert f"/api/{operation.path}" in page
        assert escape(operation.summary) in page
    assert page.count("http://testserver/api/rooms/newbox") > 10
    assert "`" not in page


def test_its_links_lead_somewhere_and_it_has_no_script(client: Client) -> None:
    links = Links(client.get("/api/").content.decode())
    assert links.targets <= set(links.ids)
    assert len(links.ids) == len(set(links.ids))
    assert links.scripts == 0


def test_it_is_read_only(client: Client) -> None:
    assert client.head("/api/").status_code == 200
    assert client.post("/api/").status_code == 405


def test_it_speaks_the_readers_language(client: Client) -> None:
    page = client.get("/api/", headers={"accept-language": "de"}).content.decode()
    assert "Die HTTP-Schnittstelle" in page
    assert 'lang="de"' in page
    assert 'lang="en"' in page  # what the document says


def test_below_a_prefix_its_addresses_have_that(client: Client) -> None:
    set_script_prefix("/below/")  # as handlers do, but not that of the tests' client
    try:
        page = client.get("/api/").content.decode()
    finally:
        clear_script_prefix()
    assert "http://testserver/below/api/rooms/newbox/messages" in page
    assert 'href="/below/api/openapi.json"' in page


def test_developers_find_it_from_the_list_of_rooms(client: Client) -> None:
    client.force_login(User.objects.create_user("alice"))
    page = client.get("/").content.decode()
    assert re.search(r'<a href="/api/">', page)
    assert '<link rel="service-doc" href="/api/">' in page


@pytest.mark.django_db(transaction=True)
def test_the_document_needs_no_token_and_names_its_own_address() -> None:
    (told,) = asked(("GET", "openapi.json", None))
    assert told.status == 200
    assert told.json["servers"] == [{"url": "/api"}]
    assert len(told.json["paths"]) == len({operation.path for operation in OPERATIONS})
    with override_settings(FORCE_SCRIPT_NAME="/below"):
        (told,) = asked(("GET", "openapi.json", None), prefix="/below")
    assert told.json["servers"] == [{"url": "/below/api"}]
    (told,) = asked(("GET", "openapi.json", None), local=True)
    assert told.json["servers"] == [{"url": "/api"}]
