"""Django's own checks for a site that others reach, with the settings that the documentation gives for one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.site import PROJECT

PUBLIC = {"CHAT_PUBLIC_URL": "https://chat.example.org", "CHAT_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.mark.parametrize("settings", [PUBLIC, {**PUBLIC, "CHAT_TRUSTED_PROXIES": "unix", "CHAT_RATE": "5/s burst 20"}])
def test_a_public_site_has_nothing_left_to_warn_of(settings: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), "check", "--deploy"],
        env={**os.environ, **settings, "CHAT_VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    remarks = set(re.findall(r"\(([a-z]+\.[EWI]\d+)\)", done.stderr))
    assert remarks <= {"chatcore.W004"}, done.stderr  # the machine's SQLite
