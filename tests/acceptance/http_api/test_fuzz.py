"""schemathesis asks the whole API what its own document says, and what it does not: no 5xx, no undocumented answer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.site import ChatSite

pytestmark = pytest.mark.slow

CONFIG = """
[parameters]
"path.room" = "newbox"
"path.secret" = "{hook}"
"query.timeout" = 0.05

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 429]
"""
#: Not that whatever fits its schema is taken: texts, moments and rooms have rules that JSON Schema cannot say.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance,use_after_free,ignored_auth"
)
ASKED = re.compile(r"^  (\d+) generated", re.MULTILINE)


def fuzzed(site: ChatSite, folder: Path, *arguments: str, hook: str = "rl_ID_SECRET") -> int:
    """How many requests schemathesis has made, with what its command line says; it must have found nothing."""
    (folder / "schemathesis.toml").write_text(CONFIG.format(hook=hook))
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}api/openapi.json", "--checks", CHECKS]
    command += ["--generation-deterministic", "--no-color", "--warnings", "off", "--request-timeout", "20"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = ASKED.search(done.stdout)
    assert found, done.stdout
    return int(found[1])


def test_a_token_that_may_everything(site: ChatSite, guest: Guest, tmp_path: Path) -> None:
    guest.post("newbox", "hello")
    hook = token(site, "hook", "--hook", "newbox").rpartition("/")[2]
    given = ("-H", f"Authorization: Bearer {guest.token}", "-n", "6")
    # the stream of somebody who may follow does not end by itself
    assert fuzzed(site, tmp_path, *given, "--exclude-operation-id", "follow_room", hook=hook) > 500


def test_a_token_that_may_little(site: ChatSite, tmp_path: Path) -> None:
    little = token(site, "little", "--room", "newbox", "--can", "send", "--rate", "2/s")
    given = ("-H", f"Authorization: Bearer {little}")
    assert fuzzed(site, tmp_path, *given, "--phases", "examples,coverage") > 200


def test_nobody(site: ChatSite, tmp_path: Path) -> None:
    assert fuzzed(site, tmp_path, "-n", "3", "--phases", "examples,fuzzing") > 50
