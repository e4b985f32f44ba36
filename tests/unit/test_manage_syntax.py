"""manage.py meets whatever Python a machine has."""

import ast
from pathlib import Path

import manage


def test_an_old_python_can_read_manage_py_and_so_can_say_that_it_is_too_old() -> None:
    ast.parse(Path(manage.__file__).read_text(), feature_version=(3, 6))
