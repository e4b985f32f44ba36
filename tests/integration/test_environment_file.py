"""roomline.env: its lines, what overrules them, and what is wrong with them."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.environment import Environment, file_values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roomline.env"


def test_lines_are_read_as_systemd_reads_them(path: Path) -> None:
    lines = ["\ufeff# a comment", "; another", "", "CHAT_A=1", "  CHAT_B=two words  ", "CHAT_C='#quoted'"]
    lines += ['CHAT_D="$HOME %s"', "export CHAT_E=a=b", "CHAT_F="]
    path.write_text("\n".join(lines))
    assert file_values(path) == {
        "CHAT_A": "1",
        "CHAT_B": "two words",
        "CHAT_C": "#quoted",
        "CHAT_D": "$HOME %s",
        "CHAT_E": "a=b",
        "CHAT_F": "",
    }


def test_no_file_is_no_values(path: Path) -> None:
    assert file_values(path) == {}


@pytest.mark.parametrize("line", ["CHAT_SIGNUP", "CHAT_SIGNUP = off", "=off", "CHAT-SIGNUP=off"])
def test_a_line_that_is_no_assignment_is_named(path: Path, line: str) -> None:
    path.write_text(f"CHAT_A=1\n{line}\n")
    with pytest.raises(ImproperlyConfigured, match=r"^roomline\.env, line 2: expected KEY=VALUE"):
        file_values(path)


def test_a_file_that_is_no_text_is_named(path: Path) -> None:
    path.write_bytes(b"CHAT_A=\xff\xfe\n")
    with pytest.raises(ImproperlyConfigured, match=r"^roomline\.env cannot be read: "):
        file_values(path)


def test_the_process_overrules_the_file_also_by_an_empty_value(path: Path) -> None:
    path.write_text("CHAT_A=file\nCHAT_B=file\nCHAT_C=file\n")
    env = Environment(path, {"CHAT_A": "process", "CHAT_B": ""})
    assert [env.text(name) for name in ("CHAT_A", "CHAT_B", "CHAT_C")] == ["process", None, "file"]


def test_a_mistyped_name_in_the_file_is_named_with_the_one_that_was_meant(path: Path) -> None:
    path.write_text("CHAT_SIGN_UP=off\n")
    env = Environment(path, {})
    env.flag("CHAT_SIGNUP", default=True)
    with pytest.raises(ImproperlyConfigured, match=r"there is no setting CHAT_SIGN_UP; did you mean CHAT_SIGNUP\?"):
        env.refuse_unknown()


def test_names_of_others_in_the_file_are_left_alone(path: Path) -> None:
    path.write_text("PGPASSFILE=/etc/pgpass\nDJANGO_SETTINGS_MODULE=chatproject.settings\n")
    Environment(path, {"CHAT_OF_ANOTHER_PROGRAM": "1"}).refuse_unknown()
