"""How Sphinx makes the site of these documents: MyST for the Markdown that GitHub shows too, Furo for its looks."""

import os
import sys
from pathlib import Path

import django
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()  # the reference of Python's names is made from their docstrings

project = "Roomline"
project_copyright = "Roomline contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "Roomline"
html_static_path: list[str] = []
exclude_patterns = ["images"]

default_role = "code"  # of the docstrings' single backticks
myst_heading_anchors = 4  # links to `page.md#a-heading`, as GitHub makes them, are checked like all others


def setup(app: Sphinx) -> None:
    """Crontabs are shown as they are: Pygments does not know them."""
    app.add_lexer("crontab", TextLexer)
