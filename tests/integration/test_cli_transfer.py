"""`chat_rooms export` and `import`, called from Python: what is printed, which line is wrong, how it ends."""

import io
import json
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from chatcli.rooms.source import LONGEST
from chatcore import history, services
from chatcore.models import Message, Room
from tests.integration.sending import Pipe
from tests.integration.transferring import exported, lines_of, lived_in, user
from tests.integration.writing import say
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.django_db


def printed(*arguments: str, **options: Any) -> str:
    """What the command prints; it must have nothing to say on the standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_rooms", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    """The error that the command ends with; it has printed nothing and stored nothing."""
    out, before = io.StringIO(), (Message.objects.count(), User.objects.count(), Room.objects.count())
    with pytest.raises(CommandError) as caught:
        call_command("chat_rooms", *arguments, stdout=out)
    assert out.getvalue() == ""
    assert str(caught.value).isprintable()
    assert (Message.objects.count(), User.objects.count(), Room.objects.count()) == before
    assert not Room.unfinished.exists()
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "newbox.jsonl"


def refused_lines(file: Path, payload: bytes, *options: str) -> CommandError:
    """The error for a file with these lines."""
    file.write_bytes(payload)
    return refused("import", str(file), "--create-users", *options)


def test_what_export_prints_is_imported_and_exported_as_the_same_again(file: Path) -> None:
    lived_in()
    file.write_text(printed("export", "newbox"), newline="")
    assert b"\x7f" not in file.read_bytes()
    Room.objects.all().delete()
    User.objects.all().delete()
    assert printed("import", str(file), "--create-users") == (
        "Imported room newbox #1..#7 (7 messages, 2 accounts made)\n"
    )
    assert printed("export", "NEWBOX") == file.read_text()


def test_only_what_was_sent_since_a_time_is_exported() -> None:
    services.create_room("newbox")
    say("newbox", "a", "b")
    assert printed("export", "newbox", "--since", "1h").count("\n") == 3
    Message.objects.update(created_at=timezone.now() - timedelta(days=3))
    assert json.loads(printed("export", "newbox", since="2d"))["first_seq"] == 3


def test_quiet_prints_nothing_and_an_export_of_nothing_is_refused(file: Path) -> None:
    file.write_bytes(lines_of(2))
    assert printed("import", str(file), "--create-users", "-q") == ""
    with pytest.raises(CommandError, match="leave it out") as refused:
        printed("export", "newbox", "--quiet")
    assert refused.value.returncode == 2
    assert printed("import", str(file), "--room", "other", verbosity=0) == ""


def test_the_answer_as_json(file: Path) -> None:
    file.write_bytes(lines_of(2))
    assert json.loads(printed("import", str(file), "--create-users", "--json")) == {
        "status": "imported",
        "room": {"name": "newbox", "first_seq": 1, "last_seq": 2},
        "messages": 2,
        "created": ["alice"],
    }


def test_an_empty_room_is_imported(file: Path) -> None:
    file.write_bytes(lines_of(0))
    assert printed("import", str(file)) == "Imported room newbox (0 messages)\n"


def test_standard_input_is_read_to_its_end(pipe: Pipe) -> None:
    user("alice")
    pipe(lines_of(3))
    assert printed("import", "-", as_room="other") == "Imported room other #1..#3 (3 messages)\n"


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    user("alice")
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = threading.Thread(target=path.write_bytes, args=(lines_of(3),))
    writing.start()
    assert "(3 messages)" in printed("import", str(path))
    writing.join()


def test_blank_lines_a_byte_order_mark_and_a_missing_last_line_end_are_no_matter(file: Path) -> None:
    user("alice")
    file.write_bytes(b"\xef\xbb\xbf" + lines_of(3).replace(b"\n", b"\r\n\r\n").rstrip())
    assert "(3 messages)" in printed("import", str(file))


def test_the_bad_line_is_named_by_its_number_blank_ones_counted(file: Path) -> None:
    header, first, second = lines_of(2).splitlines(keepends=True)
    error = refused_lines(file, header + b"\n" + first + b"\n\n" + b"nonsense\n" + second)
    assert error.returncode == 2
    assert str(error).startswith("line 6: it is not JSON")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (b'"seq":2', b'"seq":3', "line 3: it is message #3, and #2 is due"),
        (b'"seq":2', b'"seq":1', "line 3: it is message #1, and #2 is due"),
        (b"text 2", b"\\u0000", "line 3: the message holds a NUL"),
        (b"text 2", b"\\ud800", "line 3: it is not JSON"),
        (b"text 2", b"\xff", "line 3: it is not JSON"),
        (b'"seq":2', b'"seq":null', "line 3: it is no line of an exported room: Expected `int`"),
        (b'"last_seq":3', b'"last_seq":4', "the file ends before message #4"),
        (b'"last_seq":3', b'"last_seq":2', "line 4: it is message #3, and #2 was the last one"),
        (b'"type":"room"', b'"type":"message"', "line 1: "),
        (b"+00:00", b"", "line 2: it is no line of an exported room: Expected `datetime` with a timezone"),
        (b"\n", b"", "line 1: it is not JSON"),
        (b"text 2", b"x" * (LONGEST + 1), "line 3: it has more than 8 MiB"),
        (b"text 2", b"x" * 1_000_001, "line 3: the message has 1000001 characters"),
        (b'"room":"newbox","seq":3', b'"room":"other","seq":3', "line 4: it is of room other"),
    ],
)
def test_a_bad_file_is_refused_whole(file: Path, before: bytes, after: bytes, why: str) -> None:
    error = refused_lines(file, lines_of(3).replace(before, after))
    assert error.returncode == 2
    assert str(error).startswith(why)


def test_two_rooms_in_one_file_are_refused(file: Path) -> None:
    error = refused_lines(file, lines_of(1) + lines_of(1))
    assert str(error) == "line 3: it is the line of a room again: a file holds one room"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_in_a_file_are_told_in_one_plain_line(file: Path, text: str) -> None:
    for field in ("name", "title"):
        error = refused_lines(file, json.dumps({"type": "room", "name": "x", "last_seq": 0, field: text * 20}).encode())
        assert not set(str(error)) & set(FORBIDDEN)
        assert "\n" not in str(error)
    file.write_bytes(lines_of(1, account=text[:150]))
    assert not set(str(refused("import", str(file)))) & set(FORBIDDEN)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_exported_escaped_and_imported_as_they_were(file: Path, text: str) -> None:
    services.create_room("newbox")
    say("newbox", f"a{text}")
    file.write_text(printed("export", "newbox"), newline="")
    assert not set(file.read_text().replace("\n", "")) & set(FORBIDDEN)
    assert file.read_text().count("\n") == 2
    printed("import", str(file), "--room", "copy")
    (message,) = history.messages_after(history.room_named("copy").id, 0, 9)
    assert message.message == f"a{text}"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["export", "nowhere"], 3, "no room nowhere"),
        (["export", "newbox", "--since", "yesterday"], 2, "yesterday"),
        (["export"], 2, "ROOM"),
        (["import"], 2, "FILE"),
        (["import", "/nowhere/newbox.jsonl"], 2, "No such file"),
        (["import", "/"], 2, "directory"),
        (["import", "{file}", "--room", "two words"], 2, "letters, digits"),
        (["import", "{file}"], 4, "room newbox exists; it has had messages: import it under another name with --room"),
        (["import", "{file}", "--room", "other"], 3, "no account dave: create what is missing"),
    ],
)
def test_a_refusal_says_what_to_do(file: Path, arguments: list[str], code: int, why: str) -> None:
    services.create_room("newbox")
    say("newbox", "hello")
    file.write_bytes(lines_of(1, account="dave"))
    error = refused(*(str(file) if word == "{file}" else word for word in arguments))
    assert error.returncode == code
    assert why in str(error)


def test_an_import_says_the_same_of_a_room_as_its_export(file: Path) -> None:
    lived_in()
    file.write_bytes(exported())
    printed("import", str(file), "--room", "copy")
    before, after = history.room_named("newbox"), history.room_named("copy")
    assert (before.title, before.topic, before.retention, before.member_count, before.last_seq) == (
        after.title, after.topic, after.retention, after.member_count, after.last_seq,
    )  # fmt: skip
