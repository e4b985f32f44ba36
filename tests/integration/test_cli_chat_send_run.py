"""`chat_send --run` as Python calls it: the report, and that nothing in the chat decides on the job."""

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from chatcore import history, services
from chatcore.events import Message
from tests.durations import timeless
from tests.integration.test_cli_base import another_account, foreign_server  # noqa: F401  fixtures

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops(db: None) -> None:
    services.create_room("ops")


def run(*arguments: str) -> tuple[int, str, str]:
    """The code, and what was printed."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("chat_send", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def texts(room: str = "ops") -> list[str]:
    """What they say, without how long it took."""
    return [timeless(message.message) for message in stored(room)]


def stored(room: str = "ops") -> list[Message]:
    """All messages of the room."""
    return history.messages_after(history.room_named(room).id, 0, 1000)


@pytest.mark.usefixtures("ops")
def test_a_job_that_succeeds_is_an_announcement_and_returns_as_any_command() -> None:
    assert run("ops", "Nightly", "backup", "--run", "--", "echo", "--json", "-q") == (0, "ops #1\n", "")
    (message,) = stored()
    assert timeless(message.message) == "Nightly backup: ok after a while\n--json -q"
    assert (message.kind, message.priority, message.format) == ("announcement", 3, "text")


@pytest.mark.usefixtures("ops")
def test_a_job_that_fails_is_of_high_priority_and_its_code_is_ours() -> None:
    with pytest.raises(CommandError) as caught:
        call_command("chat_send", "ops", "title", "--run", "--", "false", stdout=io.StringIO())
    assert caught.value.returncode == 1
    assert timeless(str(caught.value)) == "the job failed with exit code 1 after a while"
    assert run("ops", "title", "-p", "low", "--run", "--", "/bin/sh", "-c", "exit 7") == (7, "ops #2\n", "")
    assert [message.priority for message in stored()] == [4, 2]


@pytest.mark.usefixtures("ops")
@pytest.mark.parametrize(
    ("when", "job", "sent"),
    [
        ("always", "true", True),
        ("always", "false", True),
        ("failure", "true", False),
        ("failure", "false", True),
        ("failure", "no-such-program", True),
        ("success", "true", True),
        ("success", "false", False),
    ],
)
def test_a_report_is_sent_when_it_is_wanted(when: str, job: str, sent: bool) -> None:
    run("-q", "ops", "title", "--run", "--on", when, "--", job)
    assert len(stored()) == sent


@pytest.mark.usefixtures("ops")
def test_the_report_is_a_message_like_any_other() -> None:
    line = ["--name", "cron", "--tag", "backup", "--kind", "notice", "--link", "https://example.org/", "--slot", "s"]
    for word in ("one", "two"):
        assert run("ops", *line, "Job", "--run", "--tail-lines", "1", "--", "printf", f"x\\n{word}\\n")[0] == 0
    (message,) = stored()
    assert texts() == ["Job: ok after a while\ntwo"]
    assert (message.username, message.tags, message.kind, message.slot) == ("cron", ["backup"], "notice", "s")


@pytest.mark.usefixtures("ops")
def test_several_rooms_get_the_report_of_one_run(tmp_path: Path) -> None:
    services.create_room("dev")
    for rooms in (["ops,dev", "title"], ["--all", "a title"]):
        assert run("-q", *rooms, "--run", "--", "/bin/sh", "-c", f"echo x >> {tmp_path}/runs") == (0, "", "")
    assert (tmp_path / "runs").read_text() == "x\nx\n"
    for room in ("ops", "dev"):
        titles = [message.message.partition(":")[0] for message in stored(room)]
        assert titles == ["title", "a title"]


def test_a_report_is_cut_at_its_beginning_to_fit_the_tightest_room() -> None:
    services.create_room("wide", max_length=60_000)
    services.create_room("ops", max_length=60)
    job = ["--run", "--tail-lines", "10000", "--", "seq", "1", "3000"]
    assert run("-q", "wide,ops", "Count", *job) == (0, "", "")
    first = "Count: ok after a while"
    (message,) = stored()
    assert len(message.message) == 60
    assert timeless(message.message).startswith(f"{first}\n…")
    assert message.message.endswith("\n2999\n3000")
    assert run("-q", "wide", "Count", *job) == (0, "", "")
    assert texts("wide")[1] == "\n".join([first, *map(str, range(1, 3001))])


@pytest.mark.usefixtures("ops")
def test_any_bytes_can_be_reported() -> None:
    assert run("-q", "ops", "Job", "--run", "--", "printf", r"\377 \0 \033[2J \355\240\200 caf\303\251") == (0, "", "")
    assert texts()[0] == "Job: ok after a while\n\ufffd \ufffd \x1b[2J \ufffd\ufffd\ufffd café"
    assert run("-q", "ops", "Job", "--run", "--", "no-\udcff-such") == (127, "", "")
    assert texts()[1] == "Job: could not start: no-\ufffd-such: No such file or directory"


# Whatever becomes of the chat


def evidence(tmp_path: Path) -> list[str]:
    """A job that leaves a trace, says something, and fails with 3."""
    return ["/bin/sh", "-c", f"echo ran >> {tmp_path}/trace; echo the last words; exit 3"]


def assert_told(code: int, out: str, err: str, tmp_path: Path, reason: str) -> None:
    assert (code, out) == (3, "")
    first, *others = err.splitlines()
    assert first.startswith("CommandError: while sending the report: ")
    assert reason in first
    assert [timeless(line) for line in others] == ["title: failed with exit code 3 after a while", "    the last words"]
    assert (tmp_path / "trace").read_text() == "ran\n"


@pytest.mark.usefixtures("ops")
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["opz"], "did you mean ops?"),
        (["ops", "--as", "nobody"], "no user nobody"),
        (["ops", "--reply-to", "7"], "no message"),
        (["ops", "--tag", "x" * 51], "a tag has 51 characters"),
        (["ops", "--wait", "seen", "--timeout", "0.1"], ""),
    ],
)
def test_a_report_that_cannot_be_sent_is_told_and_the_code_stays_the_jobs(
    line: list[str], reason: str, tmp_path: Path
) -> None:
    assert_told(*run("-q", *line, "title", "--run", "--", *evidence(tmp_path)), tmp_path, reason)


@pytest.mark.usefixtures("foreign_server")
def test_the_job_runs_beside_a_server_that_means_other_data(tmp_path: Path) -> None:
    assert_told(*run("-q", "ops", "title", "--run", "--", *evidence(tmp_path)), tmp_path, "elsewhere")


@pytest.mark.usefixtures("another_account")
def test_the_job_runs_under_another_account_than_the_datas_owner() -> None:
    code, out, err = run("-q", "ops", "title", "--run", "--", "/bin/sh", "-c", "echo ran; exit 3")
    assert (code, out) == (3, "")
    assert 'this chat belongs to "root"' in err
    assert "    ran\n" in err


def test_an_error_of_ours_does_not_take_the_jobs_place(settings: Settings, tmp_path: Path) -> None:
    settings.CHAT_VAR_DIR = None  # nothing that any setting could be
    code, out, err = run("-q", "ops", "title", "--run", "--", *evidence(tmp_path))
    assert_told(code, out, err, tmp_path, "NoneType")
    code, _, err = run("-q", "ops", "title", "--traceback", "--run", "--", "true")
    assert code == 0
    assert err.startswith("Traceback")


# Usage


@pytest.mark.usefixtures("ops")
@pytest.mark.parametrize(
    "line",
    [
        ["ops", "--run", "--"],
        ["--all", "--run", "--"],
        ["ops", " ", "--run", "--"],
        ["ops", "-", "--run", "--"],
        ["ops", "title", "--run", "--file", "x", "--"],
        ["ops", "title", "--run", "--lines", "--"],
        ["ops", "title", "--run", "--truncate", "--"],
        ["ops", "title", "--run", "--in", "1h", "--"],
        ["ops", "title", "--run", "--dry-run", "--"],
        ["ops", "title", "--run", "--edit", "1", "--"],
        ["ops", "title", "--run", "--on", "sunday", "--"],
        ["ops", "title", "--run", "--tail-lines=-1", "--"],
        ["ops", "title", "--run", "--nonsense", "--"],
        ["ops,,dev", "title", "--run", "--"],
    ],
)
def test_wrong_usage_is_exit_2_and_the_job_does_not_run(line: list[str], tmp_path: Path) -> None:
    assert run(*line, "touch", str(tmp_path / "trace")) == (2, "", "")
    assert not (tmp_path / "trace").exists()
    assert stored() == []


@pytest.mark.parametrize(
    "line", [["ops", "title", "--run"], ["ops", "x", "--on", "failure"], ["ops", "x", "--tail-lines", "5"]]
)
def test_a_job_and_its_options_come_together(line: list[str]) -> None:
    assert run(*line) == (2, "", "")
