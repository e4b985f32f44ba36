"""Every command line in the documents is run by a test, or has a reason why none can; and links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.documents import DOCUMENTS, FOLLOWED, NOT_RUN, Line, command_lines, ways

LINES = list(command_lines())


def test_there_are_lines_in_the_documents() -> None:
    assert len({line.document for line in LINES}) > 6
    assert len(LINES) > 150


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.document}: {line.text}")
def test_every_line_is_run_or_has_a_reason(line: Line) -> None:
    assert len(ways(line)) == 1, f"{line.text!r}: let a test run it, or say in NOT_RUN why none can"


def test_no_reason_and_no_test_is_out_of_date() -> None:
    rest = [line.text for line in LINES if (line.document, line.language) not in FOLLOWED]
    assert not [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, text) for text in rest)]
    for (document, _), test in FOLLOWED.items():
        assert Path(document).name in (PROJECT / test).read_text()


def slug(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")


def links() -> list[tuple[Path, str]]:
    found = []
    for path in DOCUMENTS:
        text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text):
            target = link[0] or link[1]
            if not re.match(r"[a-z]+:", target):
                found.append((path, target))
    return found


@pytest.mark.parametrize(("path", "target"), links(), ids=lambda value: str(value).removeprefix(f"{PROJECT}/"))
def test_a_link_leads_somewhere(path: Path, target: str) -> None:
    file, _, anchor = target.partition("#")
    there = path.parent / file if file else path
    assert there.exists(), target
    if anchor and there.suffix == ".md":
        assert anchor in {slug(heading) for heading in re.findall(r"^#+ (.+)$", there.read_text(), re.M)}, target
