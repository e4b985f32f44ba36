"""What `chat_tail` shows and hands on, as real processes do it: forms, filters, handlers, and hostile text in all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.unit.hostile import FORBIDDEN, HOSTILE

BEFORE = ("--no-follow", "-n", "all", "--events", "changes")
FIELDS = "{seq} {username} {title} {tags} {url} {message}"
#: Texts, names, titles, tags, links and slots are hostile; each message is edited, and one deleted.
FILL = f"""
from chatcore import services as s
from chatcore.actors import SYSTEM, bot
texts = {list(HOSTILE.values())!r}
for room in ("hostile", "calm"):
    s.create_room(room)
posts = [
    s.Post(
        "hostile", t, bot(t[:150]), "announcement",
        title=t[:200], tags=(t[:50],), url="https://example.org/" + t, slot=t[:100],
    )
    for t in texts
]
posts += [
    s.Post("calm", "deploy done", bot("deploy"), "notice", priority=4, tags=("web", "prod"), url="https://example.org/"),
    s.Post("calm", "deploy failed", bot("deploy"), "notice", priority=5, tags=("web",)),
    s.Post("calm", "hello", bot("deploy"), priority=4, tags=("web",)),
    s.Post("calm", "deploy done", bot("other"), "notice", priority=4, tags=("web",)),
    s.Post("calm", "deploy done", bot("deploy"), "notice", tags=("web",)),
    s.Post("calm", "deploy done", bot("deploy"), "notice", priority=4),
]
for result in s.post_messages(posts):
    assert isinstance(result, s.Posted), result
for seq, text in enumerate(texts, 1):
    s.edit_message("hostile", seq, text + "!", bot(text[:150]))
s.delete_message("hostile", 1, SYSTEM)
"""


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server: the rooms hostile and calm."""
    site = ChatSite({"NO_COLOR": "1", "TERM": "xterm-256color", "TZ": "Asia/Tokyo"})
    try:
        for line in (["migrate", "-v0"], ["shell", "-v0", "-c", FILL]):
            done = site.manage(*line)
            assert done.returncode == 0, done.stderr
        yield site
    finally:
        site.close()


def shown(site: ChatSite, *options: str) -> str:
    done = site.manage("chat_tail", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def check_records(output: str, begin: str, count: int) -> None:
    """So many records, in order: nothing else begins a line, and nothing moves the cursor."""
    assert not [character for character in FORBIDDEN if character in output]
    records = [line for line in output.split("\n")[:-1] if not line.startswith("    ")]
    numbers = [re.match(begin, line) for line in records]
    assert all(numbers), [line for line in records if not re.match(begin, line)]
    seqs = [int(number[1]) for number in numbers if number is not None]
    half = len(HOSTILE)
    assert seqs == [*range(1, half + 1), *range(1, half + 1), 1][:count]


@pytest.mark.parametrize("terminal", [False, True])
def test_hostile_messages_and_changes_are_told_as_text(site: ChatSite, terminal: bool) -> None:
    line = ["chat_tail", "hostile", *BEFORE]
    output = on_terminal([*site.command(), *line], site.env)[1] if terminal else shown(site, *line[1:])
    stamp = r"\d\d:\d\d:\d\d" if terminal else r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00"
    check_records(output, rf"{stamp} hostile #(\d+) ", 2 * len(HOSTILE) + 1)
    assert output.rstrip().endswith(" deleted")


@pytest.mark.parametrize("terminal", [False, True])
def test_hostile_messages_and_changes_are_lines_of_json(site: ChatSite, terminal: bool) -> None:
    line = ["chat_tail", "hostile", *BEFORE, "-o", "json"]
    output = on_terminal([*site.command(), *line], site.env)[1] if terminal else shown(site, *line[1:])
    check_records(output, r'\{"type":"\w+","room":"hostile","id":"[0-9a-f-]+","seq":(\d+),', 2 * len(HOSTILE) + 1)
    objects = [json.loads(line) for line in output.splitlines()]
    edits = [event["message"] for event in objects if event["type"] == "edit"]
    assert edits == ["", *(f"{text}!" for text in list(HOSTILE.values())[1:])]


@pytest.mark.slow
@pytest.mark.parametrize("terminal", [False, True])
def test_hostile_messages_are_lines_of_a_template(site: ChatSite, terminal: bool) -> None:
    line = ["chat_tail", "hostile", "--no-follow", "-n", "all", "--template", FIELDS]
    output = on_terminal([*site.command(), *line], site.env)[1] if terminal else shown(site, *line[1:])
    check_records(output, r"(\d+) ", len(HOSTILE))


def test_a_handler_gets_hostile_messages_safe_to_be_shown_and_exact_by_its_input(
    site: ChatSite, tmp_path: Path
) -> None:
    handler = tmp_path / "handle.sh"
    handler.write_text(f"""#!/bin/sh
cat >>{tmp_path}/json
printf '%s\\n' "$CHATMSG_SEQ" "$CHATMSG_ROOM" "$CHATMSG_USERNAME" "$CHATMSG_TAGS" "$CHATMSG_TEXT"
""")
    handler.chmod(0o755)
    line = ["chat_tail", "hostile", "--no-follow", "-n", "all", "--exec", str(handler), "--exec-retries", "0"]
    code, output = on_terminal([*site.command(), *line], site.env)
    assert code == 0
    assert not [character for character in FORBIDDEN if character in output]
    messages = [json.loads(line)["message"] for line in (tmp_path / "json").read_text().splitlines()]
    assert messages == ["", *(f"{text}!" for text in list(HOSTILE.values())[1:])]


@pytest.mark.slow
def test_a_handler_that_fails_ends_the_tail(site: ChatSite, tmp_path: Path) -> None:
    failing = f"echo $CHATMSG_SEQ >>{tmp_path}/handled; test $CHATMSG_SEQ -ne 2"
    done = site.manage("chat_tail", "calm", "--no-follow", "-n", "all", "--exec", failing, "--exec-retries", "1")
    assert done.returncode == 1
    assert (tmp_path / "handled").read_text().split() == ["1", "2", "2"]
    assert done.stderr.startswith("CommandError: --exec failed with exit code 1, 2 times, for calm #2: echo")
    assert done.stdout == ""


@pytest.mark.slow
def test_filters_must_all_match(site: ChatSite) -> None:
    options = ["--author", "deploy", "--author", "nobody", "--kind", "notice", "--min-priority", "high"]
    options += ["--tag", "web", "--tag", "db", "--grep", "^deploy (done|failed)$", "--exclude", "failed"]
    output = shown(site, "calm", "--no-follow", "-n", "all", "--json", *options)
    assert [json.loads(line)["seq"] for line in output.splitlines()] == [1]


@pytest.mark.slow
def test_text_is_written_as_it_is_wanted(site: ChatSite) -> None:
    line = ["calm", "--no-follow", "-n", "all", "--grep", "done", "--author", "deploy", "--min-priority", "4"]
    plain = shown(site, *line, "--timestamps", "none", "--no-prefix", "-o", "text")
    assert plain.splitlines() == [
        "#1 deploy: [high] deploy done [web] [prod]",
        "    https://example.org/",
        "#6 deploy: [high] deploy done",
    ]
    short = shown(site, *line, "--timestamps", "short", "--utc", "--prefix").splitlines()
    iso = shown(site, *line, "--timestamps", "iso", "--utc").splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d calm #1 deploy: .*", short[-3])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 calm #1 deploy: .*", iso[0])
