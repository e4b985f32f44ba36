"""The options of `chat_send` for one text, with a database."""

import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from pytest_django.fixtures import Settings

from chatcli.management.commands import chat_send
from chatcli.sending.options import Options
from chatcli.sending.posts import posts_for
from chatcli.sending.single import status_of
from chatcli.sending.storing import Ring, post_together
from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.models import ReadMark, Room, Sanction, Scheduled
from tests.integration.sending import (
    Pipe,
    answers,
    half_done,
    refused,
    sent,
    stored,
    texts,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rooms(db: None) -> None:
    services.create_room("newbox")
    services.create_room("ops")


# Rooms


def test_a_list_of_rooms_is_all_or_nothing_and_a_line_each() -> None:
    assert sent("newbox,ops,NEWBOX", "hello") == "newbox #1\nops #1\n"
    assert refused("newbox,opps", "again").returncode == 3
    assert (texts("newbox"), texts("ops")) == (["hello"], ["hello"])
    assert refused("newbox,,ops", "again").returncode == 2


def test_all_is_every_room_that_is_not_archived() -> None:
    services.create_room("old")
    Room.objects.filter(name="old").update(archived_at=datetime.now(UTC))
    assert sent("--all", "to everybody") == "newbox #1\nops #1\n"
    assert texts("old") == []
    assert refused("--all", "to", "everybody").returncode == 2


def test_all_as_a_user_is_every_room_that_this_user_knows_of() -> None:
    get_user_model().objects.create_user("alice")
    services.create_room("secret", private=True)
    assert sent("--all", "--as", "alice", "hello") == "newbox #1\nops #1\n"


def test_all_without_any_room_names_the_next_step() -> None:
    Room.objects.all().delete()
    error = refused("--all", "x")
    assert (error.returncode, "create_room" in str(error)) == (3, True)


def test_missing_rooms_of_a_list_are_created_together() -> None:
    assert sent("newbox,one,two", "--create", "x") == "newbox #1\none #1\ntwo #1\n"


@pytest.mark.parametrize("how", [[], ["--in", "1h"], ["-n"]])
def test_no_room_is_created_for_a_message_that_is_refused(how: list[str], settings: Settings) -> None:
    settings.CHAT_MAX_LENGTH = 5
    for name, kind in (("mute", "mute"), ("banned", "ban"), ("alice", "")):
        user = get_user_model().objects.create_user(name)
        if kind:
            Sanction.objects.create(user_id=str(user.pk), user_name=name, kind=kind)
    services.create_room("news", announce_only=True)
    services.create_room("secret", private=True)
    before = history.room_names()
    assert refused("fresh", "--create", *how, "123456").returncode == 4
    assert refused("fresh", "--create", *how, "--link", "ftp:x", "x").returncode == 2
    assert refused("fresh,a/b", "--create", *how, "x").returncode == 2
    assert refused("fresh,news", "--create", "--as", "alice", *how, "x").returncode == 4
    assert refused("fresh", "--create", "--as", "mute", *how, "x").returncode == 4
    assert refused("fresh", "--create", "--as", "banned", *how, "x").returncode == 4
    assert refused("secret", "--create", "--as", "alice", *how, "x").returncode == 3
    assert history.room_names() == before


# The text


def test_a_file_is_the_text(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes("\ufeffGrüße\r\nzwei\n".encode())
    sent("newbox", "--file", str(path))
    assert texts() == ["Grüße\nzwei"]


@pytest.mark.parametrize(("name", "word"), [("missing", "No such file"), (".", "Is a directory"), ("latin", "UTF-8")])
def test_a_file_that_holds_no_text_is_named(tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / "latin").write_bytes(b"Gr\xfc\xdfe")
    error = refused("newbox", "--file", str(tmp_path / name))
    assert error.returncode == 2
    assert str(tmp_path / name) in str(error)
    assert word in str(error)


def test_a_dash_as_the_file_is_standard_input_as_everywhere(pipe: Pipe) -> None:
    pipe(b"piped\n")
    sent("newbox", "--file", "-")
    assert texts() == ["piped"]


def test_a_pipe_goes_to_all_rooms(pipe: Pipe) -> None:
    pipe(b"piped\n")
    assert sent("--all", "-") == "newbox #1\nops #1\n"


def test_too_long_a_text_can_be_cut_to_the_shortest_limit_of_its_rooms(settings: Settings) -> None:
    settings.CHAT_MAX_LENGTH = 8
    services.create_room("narrow", max_length=5)
    sent("newbox", "--truncate", "123456789")
    sent("newbox,narrow", "--truncate", "123456789")
    sent("fresh", "--create", "--truncate", "123456789")
    assert texts() == ["1234567…", "1234…"]
    assert (texts("narrow"), texts("fresh")) == (["1234…"], ["1234567…"])


def test_the_looks_of_a_message() -> None:
    sent(
        "newbox", "-phigh", "--title", "Backup", "--tag", "db", "--tag", "nightly", "--link", "https://x/y",
        "--format", "code", "x = 1",
    )  # fmt: skip
    (message,) = stored()
    assert (message.priority, message.title, message.tags, message.url, message.format) == (
        4, "Backup", ["db", "nightly"], "https://x/y", "code",
    )  # fmt: skip


@pytest.mark.parametrize("value", ["0", "6", "urgent", "", "1.0", "٣"])
def test_an_unknown_priority_is_refused(value: str) -> None:
    assert refused("newbox", f"--priority={value}", "x").returncode == 2


@pytest.mark.parametrize(
    "options", [["--link", "javascript:alert(1)"], ["--title", ""], ["--tag", ""], ["--key", ""], ["--slot", " "]]
)
def test_attributes_of_a_wrong_form_are_refused(options: list[str]) -> None:
    assert refused("newbox", *options, "x").returncode == 2
    assert texts() == []


# Earlier messages


def test_an_answer_names_what_it_answers() -> None:
    sent("newbox", "question")
    sent("newbox", "--reply-to", "1", "answer")
    assert stored()[1].reply_to == 1
    assert refused("newbox", "--reply-to", "9", "x").returncode == 3


def test_a_message_is_edited_with_the_looks_that_are_given() -> None:
    sent("newbox", "--title", "kept", "--tag", "old", "befor")
    assert sent("newbox", "--edit", "1", "--tag", "new", "before") == "newbox #1 (edited)\n"
    (message,) = stored()
    assert (message.message, message.title, message.tags) == ("before", "kept", ["new"])
    (answer,) = answers("newbox", "--edit", "1", "again")
    assert (answer["status"], answer["message"]["message"], answer["message"]["seq"]) == ("edited", "again", 1)


def test_a_message_is_deleted_and_keeps_its_number() -> None:
    sent("newbox", "oops")
    assert sent("newbox", "--delete", "1") == "newbox #1 (deleted)\n"
    assert stored()[0].deleted
    assert refused("newbox", "--delete", "1").returncode == 4
    assert refused("newbox", "--delete", "2").returncode == 3
    assert refused("newbox", "--edit", "2", "x").returncode == 3


def test_editing_and_deleting_have_the_users_rights() -> None:
    get_user_model().objects.create_user("alice")
    sent("newbox", "not hers")
    assert refused("newbox", "--as", "alice", "--edit", "1", "x").returncode == 4
    assert refused("newbox", "--as", "alice", "--delete", "1").returncode == 4
    assert refused("newbox", "--as", "alice", "--delete", "1", "-n").returncode == 4


def test_a_banner_stands_until_it_is_cleared() -> None:
    assert sent("--all", "--banner", "--expire", "2h", "Restart") == "newbox #1\nops #1\n"
    (banner,) = stored()
    assert banner.kind == "banner"
    assert banner.expires_at is not None
    assert timedelta(minutes=119) < banner.expires_at - datetime.now(UTC) < timedelta(minutes=121)
    assert sent("--all", "--banner", "--clear") == "newbox #1 (deleted)\nops #1 (deleted)\n"
    assert sent("newbox", "--banner", "--clear") == "there is no banner to clear\n"
    assert sent("newbox", "--banner", "--clear", "--json") == ""


# Again


def test_the_same_text_is_not_sent_again_so_soon() -> None:
    assert sent("newbox", "--once", "1h", "disk is full") == "newbox #1\n"
    assert sent("newbox", "--once", "1h", "disk is full") == "newbox #1 (not sent again)\n"
    assert answers("newbox", "--once", "1h", "disk is full")[0]["status"] == "suppressed"
    assert sent("newbox", "--once", "1h", "disk is empty") == "newbox #2\n"


def test_a_slot_is_kept_up_to_date() -> None:
    assert sent("newbox", "--slot", "disk", "80 %") == "newbox #1\n"
    assert sent("newbox", "--slot", "disk", "90 %") == "newbox #1 (edited)\n"
    assert sent("newbox", "--slot", "disk", "90 %") == "newbox #1 (already sent)\n"
    assert answers("newbox", "--slot", "disk", "95 %")[0]["status"] == "edited"
    assert texts() == ["95 %"]


def test_what_an_earlier_try_of_the_same_command_has_stored_is_sent_and_stored_once() -> None:
    parser = chat_send.Command().create_parser("manage.py", "chat_send")
    options = Options(**vars(parser.parse_args(["newbox", "hello"])))
    posts = posts_for(options, SYSTEM, "hello")
    results = [post_together(posts, options, Ring(), until=time.monotonic() + 5) for _ in range(2)]
    assert [(posted.outcome, status_of(posted, options)) for (posted,) in results] == [
        ("sent", "sent"), ("duplicate", "sent"),
    ]  # fmt: skip
    assert texts() == ["hello"]


# Later


def output_and_talk(*arguments: str) -> tuple[str, str]:
    """What a command that succeeds prints on each stream."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_send", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


SCHEDULED = re.compile(r"scheduled newbox ([0-9a-f-]{36}) for (.+) \(in (.+)\)\n")


@pytest.mark.embedded("with a broker of one's own there may be servers elsewhere")
def test_a_message_for_later_waits_in_the_database_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMLINE_CALLER_TZ", "Europe/Berlin")
    out, talk = output_and_talk("newbox", "--in", "3h", "later")
    match = SCHEDULED.fullmatch(out)
    assert match is not None
    assert match[3] == "3 h"
    assert re.fullmatch(r"[A-Z][a-z]{2} \d+ [A-Z][a-z]{2}( \d{4})? \d\d:\d\d CES?T", match[2])
    assert "no server runs here" in talk
    assert texts() == []
    out, _ = output_and_talk("--cancel", match[1])
    assert out.startswith(f"cancelled newbox {match[1]}, which was for {match[2]}")
    assert not Scheduled.objects.exists()
    error = refused("--cancel", match[1])
    assert (error.returncode, match[1] in str(error)) == (3, True)
    assert refused("--cancel", "nonsense").returncode == 3


def test_a_scheduled_message_is_described_as_it_will_be() -> None:
    due_at = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    out, _ = output_and_talk("newbox", "--at", due_at.isoformat(), "--expire", "1h", "--key", "k", "later", "--json")
    answer = json.loads(out)
    assert list(answer) == ["status", "live", "delivered", "seen", "message", "id", "due_at"]
    assert (answer["status"], answer["message"]["message"], answer["message"]["seq"]) == ("scheduled", "later", 0)
    assert datetime.fromisoformat(answer["due_at"]) == due_at
    assert datetime.fromisoformat(answer["message"]["expires_at"]) == due_at + timedelta(hours=1)
    again, _ = output_and_talk("newbox", "--at", due_at.isoformat(), "--expire", "1h", "--key", "k", "later", "--json")
    assert (json.loads(again)["status"], json.loads(again)["id"]) == ("duplicate", answer["id"])


def test_a_key_of_a_scheduled_message_with_another_text_is_refused_without_a_number() -> None:
    output_and_talk("newbox", "--in", "1h", "--key", "k", "x")
    error = refused("newbox", "--in", "1h", "--key", "k", "y")
    assert error.returncode == 4
    assert "a scheduled message with other content" in str(error)


def test_scheduling_is_quiet_if_asked_and_all_or_nothing() -> None:
    assert sent("newbox,ops", "--in", "1h", "later", "-q") == ""
    assert Scheduled.objects.count() == 2
    assert refused("newbox,opps", "--in", "1h", "later").returncode == 3
    assert Scheduled.objects.count() == 2


@pytest.mark.parametrize(
    "options", [["--at", "2001-01-01"], ["--at", "25:00"], ["--in", "5"], ["--in", "0s"], ["--expire", "2001-01-01"]]
)
def test_a_time_that_is_over_or_none_is_refused(options: list[str]) -> None:
    assert refused("newbox", *options, "x").returncode == 2


# Waiting


def test_waiting_for_readers_ends_when_enough_have_read() -> None:
    sent("newbox", "old")
    room = Room.objects.get(name="newbox")
    for user in ("1", "2"):
        ReadMark.objects.create(room=room, user_id=user, seq=9, at=datetime.now(UTC))
    (answer,) = answers("newbox", "--wait", "seen:2", "hello")
    assert (answer["status"], answer["seen"], answer["delivered"]) == ("sent", 2, None)


@pytest.mark.parametrize(
    ("wait", "word"),
    [
        ("seen", "0 of 1 have read it"),
        pytest.param("pushed", "no server runs here", marks=pytest.mark.embedded("elsewhere there may be one")),
    ],
)
def test_waiting_in_vain_is_exit_code_124_and_the_message_is_stored(wait: str, word: str) -> None:
    error, out, _ = half_done("newbox", "--wait", wait, "--timeout", "0.2", "hello")
    assert error.returncode == 124
    assert "stored as newbox #1" in str(error)
    assert word in str(error)
    assert out == "newbox #1\n"
    assert texts() == ["hello"]


def test_a_database_that_is_lost_while_waiting_does_not_say_that_nothing_was_stored() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {connection.ops.quote_name(ReadMark._meta.db_table)}")
    error, out, _ = half_done("newbox", "--wait", "seen", "hello")
    assert (error.returncode, out) == (124, "newbox #1\n")
    assert str(error) == "stored as newbox #1, but the database no longer says how far it has got"


@pytest.mark.parametrize("value", ["", "sent", "seen:0", "seen:x", "seen:", "pushed:2", "SEEN"])
def test_what_cannot_be_waited_for_is_refused(value: str) -> None:
    assert refused("newbox", f"--wait={value}", "x").returncode == 2


# From Python


def test_a_program_may_write_options_as_one_types_them() -> None:
    sent("newbox", "hello")
    options = {"priority": "high", "expire": "2h", "reply_to": "1", "wait": "stored", "timeout": "3"}
    assert sent("newbox", "hello", **options) == "newbox #2\n"
    assert sent("newbox", "hello", once="1h") == "newbox #2 (not sent again)\n"
    assert sent("newbox", "bye", edit="2") == "newbox #2 (edited)\n"
    (_, message) = stored()
    assert (message.priority, message.reply_to, message.message) == (4, 1, "bye")
    assert message.expires_at is not None
    for wrong in ({"expire": "soon"}, {"priority": "urgent"}, {"kind": "song"}, {"tail_lines": "x", "job": ["true"]}):
        with pytest.raises(CommandError) as caught:
            sent("newbox", "x", **wrong)
        assert caught.value.returncode == 2
    assert len(stored()) == 2


# Nothing stored


def test_a_dry_run_checks_and_stores_nothing() -> None:
    assert sent("newbox,ops", "-n", "x") == "newbox (dry run: nothing is sent)\nops (dry run: nothing is sent)\n"
    (answer,) = answers("newbox", "-n", "--title", "t", "x")
    assert (answer["status"], answer["message"]["message"], answer["message"]["title"]) == ("dry-run", "x", "t")
    assert (answer["message"]["seq"], answer["message"]["rev"]) == (0, 0)
    assert sent("fresh", "-n", "--create", "x") == "fresh (dry run: nothing is sent)\n"
    assert sent("newbox", "-n", "--in", "1h", "x") == "newbox (dry run: nothing is sent)\n"
    assert (history.room_names(), texts(), Scheduled.objects.count()) == (["newbox", "ops"], [], 0)


def test_a_dry_run_finds_what_would_be_refused(settings: Settings) -> None:
    settings.CHAT_MAX_LENGTH = 5
    get_user_model().objects.create_user("alice")
    services.create_room("secret", private=True)
    assert refused("newbx", "-n", "x").returncode == 3
    assert refused("newbox", "-n", "123456").returncode == 4
    assert refused("newbox", "-n", " ").returncode == 2
    assert refused("newbox", "-n", "--as", "alice", "--kind", "notice", "x").returncode == 4
    assert refused("secret", "-n", "--as", "alice", "x").returncode == 3
    assert refused("a/b", "-n", "--create", "x").returncode == 2
    assert refused("newbox", "-n", "--reply-to", "3", "x").returncode == 3


def test_a_dry_run_of_an_edit_and_of_a_deletion() -> None:
    sent("newbox", "x")
    assert sent("newbox", "-n", "--edit", "1", "y") == "newbox #1 (dry run: nothing is edited)\n"
    assert sent("newbox", "-n", "--delete", "1") == "newbox #1 (dry run: nothing is deleted)\n"
    assert refused("newbox", "-n", "--edit", "1", "--link", "ftp:x", "y").returncode == 2
    assert texts() == ["x"]


def test_the_schema_needs_no_room_and_describes_what_is_sent() -> None:
    schema = json.loads(sent("--schema"))
    properties = set(schema["$defs"]["Message"]["properties"])
    assert set(answers("newbox", "x", "--format", "markdown")[0]["message"]) == properties
    assert set(answers("newbox", "x")[0]["message"]) == properties - {"html"}
    assert sent("--schema", "--json").count("\n") == 1
    assert sent("--schema", "-q") == ""
