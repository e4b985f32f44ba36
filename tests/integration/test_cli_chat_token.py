"""`chat_token` with a database."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django.fixtures import Settings

from chatcli.process import OutputLost
from chatcore import services
from chatcore.history.tokens import token_named
from chatcore.models import Token
from chatcore.services.tokens import note_use
from chatcore.token_texts import digest_of, read_token_text
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rooms() -> None:
    for name in ("ops", "ops-web", "Team"):
        services.create_room(name)


def ran(*arguments: str, **options: Any) -> tuple[str, str]:
    """What the command prints, and what it says beside."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_token", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def printed(*arguments: str, **options: Any) -> str:
    out, err = ran(*arguments, **options)
    assert err == ""
    return out


def lines(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed(*arguments, "--json").splitlines()]


def refused(*arguments: str) -> tuple[int, str, str]:
    """Exit code, the error, and what was said about single items; nothing may be on stdout."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_token", *arguments, stdout=out, stderr=err)
    assert out.getvalue() == ""
    assert "\n" not in str(caught.value)
    return caught.value.returncode, str(caught.value), err.getvalue()


def test_stdout_is_the_token_alone_and_stderr_how_to_use_it() -> None:
    out, err = ran("create", "ci", "--room", "ops", "--room", "OPS-*")
    text = read_token_text(out.removesuffix("\n"))
    assert text is not None
    assert Token.objects.get().digest == digest_of(text.secret)
    grant = token_named("ci").grant
    assert (grant.rooms, grant.can, grant.rate, grant.expires_at) == (("ops", "ops-*"), ("read", "send"), None, None)
    assert "chat_token revoke -- ci\n" in err
    assert "/api/rooms/" in err
    assert text.secret not in err


def test_a_token_may_what_it_is_given() -> None:
    before = timezone.now()
    printed(
        "create", "ci", "--room", "ops", "--can", "read", "--expire", "90d", "--rate", "1/s burst 5", verbosity=0
    )  # fmt: skip
    grant = token_named("ci").grant
    assert (grant.can, grant.rate) == (("read",), "1/s burst 5")
    assert grant.expires_at is not None
    assert timedelta(days=89) < grant.expires_at - before < timedelta(days=91)
    printed("create", "both", "--room", "ops", "--can", "send,read", verbosity=0)
    assert set(token_named("both").grant.can) == {"send", "read"}


def test_a_hook_is_printed_as_the_address_to_give_away(settings: Settings) -> None:
    settings.CHAT_PUBLIC_URL = "https://chat.example.org"
    out, err = ran("create", "alerts", "--hook", "ops")
    address, _, text = out.strip().rpartition("/")
    assert address == "https://chat.example.org/api/hooks"
    assert read_token_text(text) is not None
    assert text not in err
    assert '{"text": "hello"}' in err
    assert (token_named("alerts").kind, token_named("alerts").room) == ("hook", "ops")


def test_without_a_public_address_a_hook_is_where_a_server_listens_by_itself(settings: Settings) -> None:
    settings.CHAT_PUBLIC_URL = None
    assert printed("create", "alerts", "--hook", "ops", verbosity=0).startswith("http://127.0.0.1:8000/api/hooks/rl_")


def test_as_json_it_is_one_object() -> None:
    [answer] = lines("create", "ci", "--room", "ops")
    assert answer.keys() == {"status", "id", "name", "kind", "token"}
    assert read_token_text(answer["token"]) is not None
    [answer] = lines("create", "alerts", "--hook", "ops")
    assert (answer["kind"], answer["url"].count("/api/hooks/rl_")) == ("hook", 1)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("create ci", 2, "for which rooms?"),
        ("create ci --room ops --hook ops", 2, "for which rooms?"),
        ("create ci --hook ops --can read", 2, "for which rooms?"),
        ("create ci --room ops -q", 2, "-q prints nothing"),
        ("create ci --room ops --can rule", 2, "send, read"),
        ("create ci --room ops --can=", 2, "send, read"),
        ("create ci --room ops --rate fast", 2, "10/s burst 50"),
        ("create ci --room ops --expire yesterday", 2, "no time"),
        ("create ci --room nowhere", 3, "no room nowhere"),
        ("create ci --room op", 3, "did you mean ops"),
        ("create ci --hook ops-*", 2, "name it whole"),
        ("create --room ops", 2, "NAME"),
        ("revoke", 2, "TOKEN"),
        ("revoke nobody", 3, "no token nobody"),
    ],
)
def test_what_cannot_be_done_says_why_and_does_nothing(line: str, code: int, said: str) -> None:
    found, error, _ = refused(*line.split())
    assert found == code
    assert said in error
    assert not Token.objects.exists()


def test_a_name_that_is_taken_is_refused_until_its_token_is_revoked() -> None:
    ran("create", "ci", "--room", "ops")
    assert refused("create", "ci", "--room", "ops")[0] == 4
    identity = token_named("ci").id
    assert printed("revoke", "ci") == f"Revoked token ci ({identity})\n"
    ran("create", "ci", "--room", "ops")


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_token_that_could_not_be_printed_is_none() -> None:
    with pytest.raises(OutputLost) as lost:
        call_command("chat_token", "create", "ci", "--room", "ops", stdout=Full(), stderr=io.StringIO())
    assert not lost.value.done
    assert [token.revoked_at is not None for token in Token.objects.all()] == [True]


def test_the_list_tells_all_but_the_secrets() -> None:
    out, _ = ran("create", "ci", "--room", "ops", "--room", "ops-*", "--can", "send", "--rate", "5/s")
    hook, _ = ran("create", "alerts", "--hook", "team", "--expire", "2d")
    used_at = timezone.now()
    note_use([token_named("ci").id], used_at)
    listed = printed("list")
    rows = [line.split("\t") for line in listed.splitlines()]
    assert [row[:4] for row in rows] == [
        ["alerts", token_named("alerts").id, "hook", "team"],
        ["ci", token_named("ci").id, "send", "ops,ops-*"],
    ]
    assert rows[1][4:6] == ["5/s", ""]
    assert rows[1][6] != ""
    told = listed + printed("list", "--json")
    for text in (out.strip(), hook.strip().rpartition("/")[2]):
        found = read_token_text(text)
        assert found is not None
        assert found.secret not in told
        assert digest_of(found.secret) not in told
    first, second = lines("list")
    assert (first["kind"], first["state"], first["rooms"], first["can"]) == ("hook", "live", ["team"], ["send"])
    assert second["last_used_at"] is not None
    assert first["last_used_at"] is None


def test_what_has_expired_is_listed_and_what_was_revoked_is_not() -> None:
    ran("create", "old", "--room", "ops")
    ran("create", "gone", "--room", "ops")
    Token.objects.filter(name="old").update(expires_at=timezone.now() - timedelta(days=1))
    printed("revoke", "gone")
    assert [(row["name"], row["state"]) for row in lines("list")] == [("old", "expired")]
    assert "expired" in printed("list")


def test_an_empty_list_says_what_to_do() -> None:
    assert ran("list")[1] == "There is no token yet: ./manage.py chat_token create NAME --room ROOM\n"


def test_of_several_each_is_tried_and_the_worst_code_counts() -> None:
    for name in ("one", "two"):
        ran("create", name, "--room", "ops")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_token", "revoke", "one", "nobody", "two", stdout=out, stderr=err)
    assert caught.value.returncode == 3
    assert out.getvalue().count("Revoked token") == 2
    assert err.getvalue() == "nobody: no token nobody\n"
    assert not Token.objects.filter(revoked_at__isnull=True).exists()


def test_quiet_prints_nothing() -> None:
    ran("create", "ci", "--room", "ops")
    assert ran("list", "-q") == ran("revoke", "ci", "-q") == ("", "")


@pytest.fixture
def hostile() -> None:
    """Names that were not made by our service."""
    for number, name in enumerate(HOSTILE.values()):
        if "\0" not in name:
            Token.objects.create(id=f"id{number}", name=name[:150], digest="x", globs=[name[:50]])


def test_hostile_names_are_shown_as_escapes(hostile: None) -> None:
    out, err = ran("list")
    assert not any(character in out + err for character in FORBIDDEN)
    assert len(out.splitlines()) == Token.objects.count()
    for name in Token.objects.values_list("name", flat=True):
        try:
            out, err = ran("revoke", "--", name)
        except CommandError as error:
            out = str(error)
        assert not any(character in out + err for character in FORBIDDEN)
