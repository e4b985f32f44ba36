"""`chat_user` with a database."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django.fixtures import Settings

from chatcore import services
from chatcore.actors import SYSTEM, Actor
from chatcore.history import RoomView
from chatcore.models import Lease, Message, Presence, Sanction
from chatcore.services.sanctions import impose_sanction
from tests.integration.writing import say
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Settings) -> None:
    """How long a real one takes is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def printed(*arguments: str, **options: Any) -> str:
    """What the command prints; it must have nothing to complain of."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_user", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def lines(*arguments: str) -> list[dict[str, Any]]:
    """The JSON lines that it prints."""
    return [json.loads(line) for line in printed(*arguments, "--json").splitlines()]


def refused(*arguments: str) -> tuple[int, str, str]:
    """Exit code, the error, and what was said about single items; nothing may be on stdout."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_user", *arguments, stdout=out, stderr=err)
    assert out.getvalue() == ""
    assert "\n" not in str(caught.value)
    return caught.value.returncode, str(caught.value), err.getvalue()


def test_an_account_is_made_with_a_password_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for name, ending in (("alice", ""), ("bob", "\n"), ("carol", "\r\n")):
        file.write_bytes(f"{PASSWORD}{ending}".encode())
        assert printed("create", name, "--password-file", str(file)) == f"Created user {name}\n"
        assert User.objects.get(username=name).check_password(PASSWORD)


def test_a_password_may_be_piped_in(pipe: Callable[[bytes], None]) -> None:
    pipe(f"{PASSWORD}\n".encode())
    printed("create", "alice", "--password-file", "-", "--email", "alice@example.org")
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert user.email == "alice@example.org"


def test_without_a_password_it_says_what_is_left_to_do() -> None:
    assert printed("create", "alice") == (
        "Created user alice, who cannot sign in yet: ./manage.py changepassword alice\n"
    )
    assert lines("create", "bob") == [
        {"status": "created", "user": {"name": "bob", "username": "bob", "can_sign_in": False}}
    ]
    assert refused("create", "Alice")[0] == 4


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"x" * 5000, b"a\0b"])
def test_a_file_that_is_no_password_s_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert refused("create", "alice", "--password-file", str(file))[0] == 2
    assert refused("create", "alice", "--password-file", str(tmp_path))[0] == 2
    assert refused("create", "alice", "--password-file", str(tmp_path / "none"))[0] == 2
    assert not User.objects.exists()


def test_a_password_that_anybody_guesses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("12345678")
    code, error, _ = refused("create", "alice", "--password-file", str(tmp_path / "secret"))
    assert code == 2
    assert "too common" in error


def test_people_are_muted_and_banned_and_free_again(people: dict[str, Actor]) -> None:
    assert printed("mute", "alice", "bob") == ("alice is muted until it is lifted\nbob is muted until it is lifted\n")
    assert printed("ban", "alice", "--until", "2099-01-31 18:00", "--reason", "spam").startswith(
        "alice is banned until Sat 31 Jan 2099 18:00 "
    )
    ban = Sanction.objects.get(kind="ban")
    assert (ban.reason, ban.by, ban.user_id) == ("spam", "system", people["alice"].id)
    assert printed("unmute", "alice") == "alice is no longer muted\n"
    assert printed("unmute", "alice") == "alice is not muted\n"
    assert printed("unban", "alice", "-q") == ""
    assert lines("unmute", "bob", "carol") == [
        {"status": "unmuted", "user": "bob"},
        {"status": "unchanged", "user": "carol"},
    ]


def test_until_is_a_time_to_come_in_the_caller_s_words(people: dict[str, Actor]) -> None:
    (answer,) = lines("mute", "alice", "--until", "2h", "--reason", "loud")
    assert (answer["status"], answer["user"], answer["reason"]) == ("muted", "alice", "loud")
    left = Sanction.objects.get().until
    assert left is not None
    assert timedelta(hours=1, minutes=59) < left - timezone.now() <= timedelta(hours=2)
    for wrong in ("yesterday", "2001-01-01", "-2h"):
        assert refused("mute", "alice", f"--until={wrong}")[0] == 2


def test_one_that_fails_does_not_keep_the_others_from_it(people: dict[str, Actor]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_user", "ban", "alice", "root", "alcie", "bob", stdout=out, stderr=err)
    assert caught.value.returncode == 4
    assert out.getvalue().count("is banned") == 2
    assert err.getvalue().splitlines() == [
        "root: root is a superuser, whom nothing holds: take that right away first",
        "alcie: no user alcie; did you mean alice?",
    ]
    assert refused("ban", "alcie")[0] == 3
    assert refused("mute", "root")[0] == 4


@pytest.mark.parametrize("kind", ["mute", "ban"])
def test_it_binds_commands_that_speak_as_that_person(newbox: RoomView, people: dict[str, Actor], kind: str) -> None:
    call_command("chat_send", "newbox", "before", "--as", "alice", "-q")
    printed(kind, "alice")
    with pytest.raises(CommandError) as caught:
        call_command("chat_send", "newbox", "meanwhile", "--as", "alice", "-q")
    assert caught.value.returncode == 4
    printed(f"un{kind}", "alice")
    call_command("chat_send", "newbox", "after", "--as", "alice", "-q")
    assert list(Message.objects.values_list("text", flat=True)) == ["before", "after"]


def test_accounts_are_listed_with_what_is_known_of_them(newbox: RoomView, people: dict[str, Actor]) -> None:
    impose_sanction("alice", "mute", SYSTEM, until=timezone.now() + timedelta(hours=1), reason="loud")
    impose_sanction("bob", "ban", SYSTEM)
    User.objects.filter(username="carol").update(is_active=False)
    Sanction.objects.create(user_id=people["carol"].id, user_name="carol", kind="ban", until=timezone.now())  # over
    services.save_read_marks({(newbox.id, people["bob"].id): 0})
    say("newbox", "x")
    services.save_read_marks({(newbox.id, people["bob"].id): 1})
    lease = Lease.objects.create(server="here", until=timezone.now() + timedelta(hours=1), version=1)
    Presence.objects.create(lease=lease, room_id=newbox.id, user_id=people["alice"].id, user_name="alice")
    found = {line["name"]: line for line in lines("list")}
    assert list(found) == ["alice", "bob", "carol", "root", "sam"]
    assert [found[name]["active"] for name in found] == [True, True, False, True, True]
    assert (found["sam"]["staff"], found["root"]["superuser"]) == (True, True)
    assert (found["alice"]["here"], found["alice"]["username"]) == (True, "Alice")
    assert [sanction["kind"] for sanction in found["alice"]["sanctions"]] == ["mute"]
    assert found["alice"]["sanctions"][0]["reason"] == "loud"
    assert found["bob"]["sanctions"][0]["until"] is None
    assert found["bob"]["seen_at"] is not None
    assert found["carol"]["sanctions"] == []
    rows = [line.split("\t") for line in printed("list").splitlines()]
    assert [row[0] for row in rows] == ["alice", "bob", "carol", "root", "sam"]
    assert [row[2] for row in rows] == ["", "", "switched off", "superuser", "staff"]
    assert rows[0][5] == "now"
    assert rows[1][4] == "yes"
    assert [line["name"] for line in lines("list", "sam", "alice")] == ["alice", "sam"]
    assert refused("list", "alcie")[0] == 3


def test_an_empty_list_says_what_to_do() -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_user", "list", stdout=out, stderr=err)
    assert out.getvalue() == ""
    assert "./manage.py chat_user create USER" in err.getvalue()


def test_all_that_is_stored_about_a_person_is_printed(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("tea", private=True, owner="alice")
    services.add_member("newbox", "alice", "member", SYSTEM)
    say("newbox", *(f"hers {number}" for number in range(3)), actor=people["alice"])
    say("newbox", "of another", actor=people["bob"])
    say("tea", "hers in private", actor=people["alice"])
    services.delete_message("newbox", 2, people["alice"])
    services.save_read_marks({(newbox.id, people["alice"].id): 2})
    services.schedule_messages([services.Post("tea", "later", people["alice"])], timezone.now() + timedelta(hours=1))
    impose_sanction("alice", "mute", SYSTEM, reason="loud")
    found = lines("export", "alice")
    assert [line["type"] for line in found] == [
        "account", "sanction", "membership", "membership", "read_mark", "scheduled", *["message"] * 4,
    ]  # fmt: skip
    account = found[0]
    assert (account["username"], account["first_name"], account["display_name"]) == ("alice", "Alice", "Alice")
    assert "password" not in account
    assert [line["room"] for line in found[1:] if "room" in line][:2] == ["newbox", "tea"]
    messages = [(line["room"], line["seq"], line["message"], line["deleted"]) for line in found[6:]]
    assert messages == [
        ("newbox", 1, "hers 0", False),
        ("newbox", 2, "", True),
        ("newbox", 3, "hers 2", False),
        ("tea", 1, "hers in private", False),
    ]
    assert printed("export", "alice") == printed("export", "alice", "--json")
    assert refused("export", "alice", "-q")[0] == 2
    assert refused("export", "alcie")[0] == 3


def test_a_person_is_erased_once_the_name_was_repeated(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "hers", actor=people["alice"])
    for wrong in ([], ["--confirm", "alcie"], ["--confirm", ""]):
        code, error, _ = refused("erase", "alice", *wrong)
        assert code == 2
        assert "--confirm alice" in error or "nothing was done" in error
    assert Message.objects.get().text == "hers"
    assert printed("erase", "alice", "--confirm", "alice") == (
        f"Erased alice: 1 message emptied, the account is deleted-{people['alice'].id} now\n"
    )
    assert Message.objects.get().text == ""
    assert refused("erase", "alice", "--no-input")[0] == 3
    assert refused("erase", "root", "--no-input")[0] == 4


def test_rooms_without_an_owner_are_told_unless_quiet(people: dict[str, Actor]) -> None:
    for name in ("alice", "bob"):
        services.create_room(f"of-{name}", owner=name)
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_user", "erase", "alice", "--no-input", "--json", stdout=out, stderr=err)
    assert json.loads(out.getvalue()) == {
        "status": "erased",
        "user": "alice",
        "account": f"deleted-{people['alice'].id}",
        "messages": 0,
        "ownerless": ["of-alice"],
    }
    assert "room of-alice has no owner any more" in err.getvalue()
    assert printed("erase", "bob", "--no-input", "-q") == ""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_and_reasons_cannot_move_a_terminal(text: str) -> None:
    name = text.replace("\0", "")[:150]
    user = User.objects.create(username=name, first_name=text[:150], email=text[:250])
    Sanction.objects.create(user_id=str(user.pk), user_name=name, kind="mute", reason=text[:500])
    shown = printed("list") + printed("list", "--json") + printed("export", "--", name)
    shown += printed("mute", "--", name) + printed("unmute", "--", name)
    shown += printed("erase", "--no-input", "--", name)
    assert not [character for character in FORBIDDEN if character in shown]
    assert len(shown.splitlines()) >= 6
