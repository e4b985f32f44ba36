"""Every text in a template goes through gettext."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted([*(PROJECT / "chatcore" / "templates").rglob("*.*"), *(PROJECT / "templates").rglob("*.*")])
TRANSLATED = re.compile(r"{% comment %}.*?{% endcomment %}|{% blocktranslate.*?{% endblocktranslate %}|{#.*?#}", re.S)
#: Blocks that are values of attributes.
NAMES = re.compile(r"{% block (?:page_class|skip_target) %}.*?{% endblock %}")
DYNAMIC = re.compile(r"{%.*?%}|{{.*?}}", re.S)
READ_OUT = ("alt", "aria-label", "aria-description", "placeholder", "title")
SAME_EVERYWHERE = {"Roomline"}


class Texts(HTMLParser):
    """Collects what people read or hear, but not what they are to type as it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.code = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.code += tag == "code"
        for name, value in attrs:
            if name in READ_OUT:
                self.handle_data(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag == "code"

    def handle_data(self, data: str) -> None:
        if not self.code and re.search(r"[^\W\d_]", data):
            self.found.add(data.strip(" ·\n"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_is_translated(template: Path) -> None:
    page = DYNAMIC.sub("", NAMES.sub("", TRANSLATED.sub("", template.read_text())))
    assert Texts(page).found - SAME_EVERYWHERE == set()
