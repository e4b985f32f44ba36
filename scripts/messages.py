"""Brings the translations up to date with the source: its texts into the .po files, what is translated into the .mo.

usage: messages.py      needs GNU gettext
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import makemessages

HOME = Path(__file__).resolve().parent.parent
LANGUAGES = ["de"]
CATALOGS = [HOME / "chatcore" / "locale", HOME / "locale"]
ELSEWHERE = ["tests", "scripts", "chatcli", "docs", "var", "build"]  # and commands speak English
DATES = re.compile(r'^"(POT-Creation|PO-Revision)-Date: .*\n', re.MULTILINE)


class Extraction(makemessages.Command):
    """Django's, which also finds the texts in `page_texts.counted(one, many)`."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=counted:1,2"]


def main() -> None:
    settings.configure(LOCALE_PATHS=[str(HOME / "locale")], USE_I18N=True)
    django.setup()
    os.chdir(HOME)
    for folder in CATALOGS:
        folder.mkdir(exist_ok=True)
    options: dict[str, Any] = {"add_location": "never", "no_obsolete": True, "no_wrap": True}
    call_command(Extraction(), locale=LANGUAGES, ignore_patterns=ELSEWHERE, verbosity=0, **options)
    for file in (file for folder in CATALOGS for file in folder.glob("*/LC_MESSAGES/*.po")):
        file.write_text(DATES.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    call_command("compilemessages", ignore_patterns=[*ELSEWHERE, ".*"], verbosity=0)


if __name__ == "__main__":
    main()
