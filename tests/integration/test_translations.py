"""No text of a page is left in English where the language is another; what is compiled is what the source says."""

import gettext
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from chatcore.page_texts import counted, room_texts
from tests.conftest import PROJECT

CATALOGS = [
    Path(folder) / code / "LC_MESSAGES"
    for code, _ in settings.LANGUAGES
    if code != "en"
    for folder in ("locale", "chatcore/locale")
]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which `make messages` has been run now."""
    if shutil.which("xgettext") is None:
        pytest.skip("no GNU gettext on this machine: apt-get install gettext")
    home = tmp_path_factory.mktemp("project")
    for name in ("chatcore", "chatproject", "templates", "locale", "scripts"):
        shutil.copytree(PROJECT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([sys.executable, home / "scripts/messages.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return home


def wanting(file: Path, *conditions: str) -> str:
    """The texts of a .po file that meet these conditions of msgattrib."""
    done = subprocess.run(["msgattrib", "--no-obsolete", *conditions, file], capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("msgid ") and line != 'msgid ""')


def texts(file: Path) -> dict[object, str]:
    with file.open("rb") as opened:
        catalog: dict[object, str] = vars(gettext.GNUTranslations(opened))["_catalog"]
    return {key: text for key, text in catalog.items() if key}


@pytest.mark.parametrize("catalog", CATALOGS, ids=str)
def test_every_text_is_translated_and_nothing_is_guessed(fresh: Path, catalog: Path) -> None:
    assert wanting(fresh / catalog / "django.po", "--untranslated") == ""
    assert wanting(fresh / catalog / "django.po", "--only-fuzzy") == ""


@pytest.mark.parametrize("catalog", CATALOGS, ids=str)
def test_the_compiled_texts_are_those_of_the_source(fresh: Path, catalog: Path) -> None:
    assert texts(PROJECT / catalog / "django.mo") == texts(fresh / catalog / "django.mo")


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    else:
        assert isinstance(value, str)
        yield value


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES if code != "en"])
def test_the_scripts_speak_the_language_too(language: str) -> None:
    with translation.override("en"):
        english = list(leaves(room_texts()))
    with translation.override(language):
        own = list(leaves(room_texts()))
    assert len(own) == len(english)
    same = {text for text, other in zip(own, english, strict=True) if text == other and " " in text}
    assert same == {"{name} in {room}"}  # which is German, too


def test_a_counted_text_has_the_forms_of_its_language() -> None:
    with translation.override("de"):
        forms = counted("{count} new message", "{count} new messages")
    assert (forms[1], forms[0], forms[5]) == (
        "{count} neue Nachricht",
        "{count} neue Nachrichten",
        "{count} neue Nachrichten",
    )
