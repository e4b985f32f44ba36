"""Static files come from the site itself, without DEBUG and without collectstatic."""

import asyncio
import warnings

from django.test import AsyncClient, Client


def test_files_of_the_apps_are_served_with_their_type_and_may_be_cached() -> None:
    response = Client().get("/static/chatcore/style.css")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/css")
    assert "max-age" in response["Cache-Control"]
    assert b"{" in response.content


def test_under_asgi_the_same_bytes_come_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        response = asyncio.run(AsyncClient().get("/static/chatcore/style.css"))
    assert response.content == Client().get("/static/chatcore/style.css").content


def test_a_browser_that_has_the_file_is_told_so() -> None:
    first = Client().get("/static/chatcore/style.css")
    again = Client().get("/static/chatcore/style.css", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_part_of_a_file_and_its_head_alone_can_be_asked_for() -> None:
    part = Client().get("/static/chatcore/style.css", headers={"range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    assert Client().head("/static/chatcore/style.css").content == b""


def test_what_is_no_static_file_is_not_found() -> None:
    for path in ("/static/", "/static/nothing.css", "/static/../manage.py", "/static/%2e%2e/manage.py"):
        assert Client().get(path).status_code == 404, path
        assert asyncio.run(AsyncClient().get(path)).status_code == 404, path
