"""What the page's scripts and templates never do. The browser tests show that the pages work all the same."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = sorted((PROJECT / "chatcore" / "static" / "chatcore").glob("*.js"))
TEMPLATES = sorted([*(PROJECT / "chatcore" / "templates").rglob("*.html"), *(PROJECT / "templates").rglob("*.html")])
MARKUP_FROM_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\b|new Function"
)
ELSEWHERE = re.compile(r"""(?:from|import\(|src=|href=|url\()\s*["']?(?:https?:)?//""")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text(script: Path) -> None:
    # markup.js parses the server's HTML into a document that is never shown, and builds its like from an allow-list
    allowed = ["DOMParser"] if script.name == "markup.js" else []
    assert MARKUP_FROM_TEXT.findall(script.read_text()) == allowed


@pytest.mark.parametrize("file", [*SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(file: Path) -> None:
    assert ELSEWHERE.findall(file.read_text()) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_switches_escaping_off(template: Path) -> None:
    assert re.findall(r"\|\s*safe|autoescape\s+off|safeseq", template.read_text()) == []


def test_the_scripts_ask_only_for_texts_that_there_are() -> None:
    from chatcore.page_texts import room_texts

    asked = {name for script in SCRIPTS for name in re.findall(r"(?<!/)\btexts\.(\w+)", script.read_text())}
    assert asked
    assert asked <= set(room_texts())
