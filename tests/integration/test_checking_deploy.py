"""`chat_check --deploy`: what settings, disks and limits mean for a site that others use."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from chatcli.checking import deploy

HTTPS = "https://chat.example.org"
MOUNTS = """\
/dev/vda1 / ext4 rw,relatime 0 0
nas:/home /srv nfs4 rw 0 0
tmpfs /srv/chat/with\\040blank tmpfs rw 0 0
/dev/vdb1 /srv/chat/var xfs rw 0 0
"""


def found() -> set[str]:
    return {finding.id for finding in deploy.look()}


def test_a_site_with_all_of_it_has_nothing_to_be_told() -> None:
    proxied = override_settings(CHAT_PUBLIC_URL=HTTPS, CHAT_TRUSTED_PROXIES=["127.0.0.1"])
    with proxied, override_settings(EMAIL_HOST="smtp.example.org", SECRET_KEY="one for all servers" * 3):
        assert found() == {""}


def test_a_proxy_that_is_not_believed_is_told() -> None:
    with override_settings(CHAT_PUBLIC_URL=HTTPS, CHAT_TRUSTED_PROXIES=[]):
        assert "chatcore.W150" in found()
    with override_settings(CHAT_PUBLIC_URL="http://chat.example.org", CHAT_TRUSTED_PROXIES=[]):
        assert "chatcore.W150" not in found()


def test_no_mail_and_acknowledgements_that_a_power_cut_takes_back_are_told() -> None:
    with override_settings(EMAIL_HOST="", CHAT_DURABILITY="normal"):
        told = found()
    assert "chatcore.I155" in told
    assert ("chatcore.I152" in told) == settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


def test_a_key_of_this_machine_s_own_is_told_where_the_broker_is_for_several(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("k" * 50)
    with override_settings(CHAT_VAR_DIR=tmp_path, SECRET_KEY="k" * 50, CHAT_BROKER_SOCKET=None):
        assert "chatcore.I151" in found()
        with override_settings(SECRET_KEY="another" * 9):
            assert "chatcore.I151" not in found()
    with override_settings(CHAT_VAR_DIR=tmp_path, SECRET_KEY="k" * 50, CHAT_BROKER_SOCKET="/run/valkey.sock"):
        assert "chatcore.I151" not in found()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/chat.sqlite3", "ext4"),
        ("/srv/other/chat.sqlite3", "nfs4"),
        ("/srv/chat/var/chat.sqlite3", "xfs"),
        ("/srv/chat/with blank/chat.sqlite3", "tmpfs"),
    ],
)
def test_the_file_system_of_a_path_is_the_nearest_mount_s(path: str, kind: str) -> None:
    assert deploy.file_system(Path(path), MOUNTS) == kind


def test_the_limit_of_open_files_is_the_one_that_holds() -> None:
    assert deploy.open_files("Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   524288   files\n") == 1024
    assert deploy.open_files("Max open files   unlimited   unlimited   files\n") == float("inf")
