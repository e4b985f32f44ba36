"""The lines by which docs/operations.md lets failures be recognized are lines that the project says."""

import errno
import os
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
SECTION = "## What each failure looks like, and what to do\n"
SOURCES = "\n".join(
    [path.read_text() for app in ("chatcore", "chatcli") for path in sorted((PROJECT / app).rglob("*.py"))]
    + [os.strerror(errno.EMFILE)]
)


def symptoms() -> list[str]:
    """What stands as code in the first column, cut at what differs each time; names and numbers alone are none."""
    section = (PROJECT / "docs/operations.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")][1:]
    said = [part for row in rows for code in re.findall("`([^`]+)`", row) for part in re.split(r"\(?\.\.\.\)?", code)]
    return [part.strip(": ,()") for part in said if part.count(" ") >= 2]


def test_there_are_some() -> None:
    assert len(symptoms()) > 12


@pytest.mark.parametrize("said", symptoms())
def test_it_is_said_so(said: str) -> None:
    assert said.removeprefix("Warning: ").removesuffix(' "chat"') in SOURCES
