"""Markdown as HTML: what is kept, and what never gets through."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.markdown import LONGEST, html_of
from tests.unit.hostile import HOSTILE

REL = 'rel="noopener noreferrer nofollow ugc"'
#: Every tag that there may be, with every attribute.
ALLOWED = re.compile(
    r'<a href="https?://[^"<>]*"(?: title="[^"<>]*")? ' + REL + r'>|<ol start="\d+">'
    r"|</?(?:p|br|hr|h[1-6]|strong|em|s|code|pre|blockquote|ul|ol|li|table|thead|tbody|tr|th|td|a)>",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**Done** in `3 s`", "<p><strong>Done</strong> in <code>3 s</code></p>\n"),
        ("~~old~~", "<p><s>old</s></p>\n"),
        ("# Head", "<h1>Head</h1>\n"),
        ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>\n'),
        ("```js\na<b\n```", "<pre><code>a&lt;b\n</code></pre>\n"),
        ("[log](https://ci.example/1)", f'<p><a href="https://ci.example/1" {REL}>log</a></p>\n'),
        ("![a *plot*](https://x.example/p.png)", f'<p><a href="https://x.example/p.png" {REL}>a plot</a></p>\n'),
        ("https://not.linked.here", "<p>https://not.linked.here</p>\n"),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert html_of(text) == html


def test_tables_are_kept() -> None:
    assert "<th>a</th>" in (html_of("|a|b|\n|:-|-:|\n|1|2|") or "")


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "![x](data:text/html,x)",
        "[x](//evil.example)", "[x](/admin/)",
        "[x](vbscript:x)", "[x](&#106;avascript:alert(1))", "[x](mailto:a@b.example)",
    ],
)  # fmt: skip
def test_only_addresses_of_pages_become_links(text: str) -> None:
    assert "<a" not in (html_of(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<b onclick=x>", "<img src=x onerror=alert(1)>", "<!-- x -->", "<?php ?>",
        "<style>*{}</style>",
        "&lt;script&gt;", '[x](http://a.example/"onmouseover=alert(1))', '[x](http://a.example "t\\" onclick=\\"x")',
        "![<img src=x onerror=y>](http://a.example/<script>)", "<http://a.example/<b>>", *HOSTILE.values(),
    ],
)  # fmt: skip
def test_markup_of_a_person_stays_text(text: str) -> None:
    assert "<" not in ALLOWED.sub("", html_of(text) or "")


@given(st.text("<>&\"'[]()!*_~`#|-:/ \\\njavscriptonlhref=x1", max_size=200))
def test_no_text_makes_another_tag_or_attribute(text: str) -> None:
    assert "<" not in ALLOWED.sub("", html_of(text) or "")


@pytest.mark.parametrize("text", ["> " * 30 + "deep", "- " * 30 + "deep", "[note]: https://a.example"])
def test_a_text_that_its_html_would_lose_has_none(text: str) -> None:
    assert html_of(text) is None


def test_a_text_of_ten_levels_is_shown_whole() -> None:
    assert "<p>deep</p>" in (html_of("> " * 10 + "deep") or "")


def test_a_text_that_is_too_long_to_be_parsed_has_no_html() -> None:
    assert html_of("a" * (LONGEST + 1)) is None


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("between", ["a", "\u2028"])
def test_a_table_that_would_be_filled_up_to_many_times_its_text_has_no_html(line_end: str, between: str) -> None:
    head = f"|{between}" * 500 + line_end + "|-" * 500 + line_end
    assert html_of(head + f"a{line_end}" * 400) is None


def test_a_text_that_becomes_many_times_its_length_has_no_html() -> None:
    address = "https://a.example/" + "x" * 2000
    assert html_of(f"[a]: {address}\n\n" + "[a]" * 1000) is None
