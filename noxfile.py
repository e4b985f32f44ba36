"""The matrix: the tests on every pair of Python and Django that is supported and that this machine has; `make matrix`.

A Python that is missing is skipped with a warning. Pythons are those on the PATH and pyenv's.
"""

import os
import re
import sys
from pathlib import Path

import nox

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME / "scripts"))

from build_venv import requirements  # noqa: E402

PAIRS = [
    ("3.11", "5.2"),  # Django 6 needs Python 3.12
    *((python, django) for python in ("3.12", "3.13") for django in ("5.2", "6.0", "6.1")),
]
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"

# Before the rest of the PATH: pyenv's own names of them there run only what is chosen at the moment.
os.environ["PATH"] = os.pathsep.join([*(str(path) for path in sorted(PYENV.glob("3.*/bin"))), os.environ["PATH"]])
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


def constraints(folder: Path) -> Path:
    """The versions that CI tests, but Django's."""
    path = folder / "constraints.txt"
    lines = (HOME / "constraints.txt").read_text().splitlines()
    path.write_text("\n".join(line for line in lines if not re.match("django==", line, re.IGNORECASE)))
    return path


@nox.session
@nox.parametrize(("python", "django"), PAIRS)
def tests(session: nox.Session, django: str) -> None:
    """Unit and integration tests, or what is named: make matrix ARGS="-- tests/acceptance"."""
    where = constraints(Path(session.create_tmp()))
    session.install("-q", "-c", str(where), f"django~={django}.0", *requirements(["test"]))
    session.run("python", "-m", "django", "--version")
    chosen = session.posargs or ["tests/unit", "tests/integration"]
    session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)
