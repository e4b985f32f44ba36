"""The secret key that the site makes for itself."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.secret_key import kept_secret_key
from tests.conftest import PROJECT


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret_key"
    key = kept_secret_key(path)
    assert len(key) >= 50
    assert kept_secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


def test_all_who_come_at_once_get_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    with ThreadPoolExecutor(20) as pool:
        keys = set(pool.map(lambda _: kept_secret_key(path), range(200)))
    assert len(keys) == 1


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 60])
def test_a_file_that_holds_no_key_is_refused_and_never_signed_with(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret_key"
    path.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match="secret key"):
        kept_secret_key(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    with pytest.raises(ImproperlyConfigured, match="DJANGO_SECRET_KEY"):
        kept_secret_key(tmp_path / "var" / "secret_key")


def test_no_key_is_made_until_somebody_needs_it(tmp_path: Path) -> None:
    code = """
import django, os, pathlib
os.environ["DJANGO_SETTINGS_MODULE"] = "chatproject.settings"
django.setup()
from django.conf import settings
path = settings.CHAT_VAR_DIR / "secret_key"
assert not path.exists()
from django.core.signing import Signer
assert Signer().unsign(Signer().sign("x")) == "x"
assert path.read_text().strip() == str(settings.SECRET_KEY)
"""
    environment = {"CHAT_VAR_DIR": str(tmp_path / "var")}
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, check=True)
