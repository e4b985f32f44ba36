"""Bad command lines and bad streams, in real processes: one line on stderr that says what and where (below that of the
usage, for what is no command line), the exit code of the table, nothing on stdout, nothing stored; and what looks bad
and is not, works."""

import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.site import ChatSite
from tests.unit.hostile import FORBIDDEN
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow


class Line(NamedTuple):
    """A line of sh in which `$M` is manage.py's command line, its exit code, and a part of what it says."""

    script: str
    code: int
    error: str


BAD = [
    # arguments
    Line("$M chat_send", 2, "no room"),
    Line("$M chat_send newbox </dev/null", 2, "empty"),
    Line("$M chat_send nowhere hello", 3, "no room nowhere"),
    Line("$M chat_send newbocks hello", 3, "did you mean newbox?"),
    Line("$M chat_send newbox hello --nonsense", 2, "--nonsense"),
    Line("$M chat_send newbox hello --pri 3", 2, "--pri"),
    Line("$M chat_send newbox -rf", 2, "--"),
    Line("$M chat_send newbox hello --file /nowhere", 2, "--file"),
    Line("$M chat_send newbox --file /nowhere", 2, "/nowhere"),
    Line("$M chat_send newbox --file /", 2, "directory"),
    Line("$M chat_send newbox --lines --jsonl", 2, "--jsonl"),
    Line("$M chat_send newbox hello --timeout 0", 2, "--timeout"),
    Line("$M chat_send newbox hello --timeout nan", 2, "nan"),
    Line("$M chat_send newbox hello --timeout inf", 2, "inf"),
    Line("$M chat_send newbox hello --timeout -1", 2, "--timeout"),
    Line("$M chat_send newbox hello --priority 9", 2, "9"),
    Line("$M chat_send newbox hello --expire 0s", 2, "0s"),
    Line("$M chat_send newbox hello --at yesterday", 2, "yesterday"),
    Line("$M chat_send newbox hello --in 9999999999d", 2, "9999999999d"),
    Line("$M chat_send newbox hello --key ''", 2, "key"),
    Line("$M chat_send newbox hello --link javascript:alert", 2, "http"),
    Line("$M chat_send newbox hello --edit abc", 2, "abc"),
    Line("$M chat_send newbox hello --edit 99999999999999999999999", 2, "--edit"),
    Line("$M chat_send newbox hello --as nobody", 3, "nobody"),
    Line('$M chat_send "$(printf "new\\377box")" hello', 2, "UTF-8"),
    Line('$M chat_send newbox "$(printf "a\\377b")"', 2, "UTF-8"),
    Line("$M chat_send newbox 'x\x1b]52;c;ZXZpbA==\x07' --title 'a\nb' --priority 'x\x1b[2J'", 2, "x\\x1b"),
    Line("$M chat_tail", 2, "which room?"),
    Line("$M chat_tail newbox --all", 2, "--all"),
    Line("$M chat_tail newbox --since abc", 2, "abc"),
    Line("$M chat_tail newbox --since=-1", 2, "-1"),
    Line("$M chat_tail newbox --since 2999-01-01", 2, "2999"),
    Line("$M chat_tail newbox --timeout nan", 2, "nan"),
    Line("$M chat_tail newbox --timeout 0", 2, "0"),
    Line("$M chat_tail newbox -n -1", 2, "-n=VALUE"),
    Line("$M chat_tail newbox -n 1e3", 2, "1e3"),
    Line("$M chat_tail newbox --after abc", 2, "abc"),
    Line("$M chat_tail newbox --grep '('", 2, "--grep"),
    Line("$M chat_tail newbox --template '{message.__class__}'", 2, "message.__class__"),
    Line("$M chat_tail newbox --cursor-file /nowhere/at/all", 1, "/nowhere/at"),
    Line("$M chat_tail 'none-*' --no-follow", 3, "none-*"),
    Line("$M create_room", 2, "required"),
    Line("$M create_room newbox", 4, "exists"),
    Line("$M create_room NEWBOX", 4, "exists"),
    Line("$M create_room 'a b'", 2, "' '"),
    Line("$M create_room other --owner nobody", 3, "nobody"),
    Line("$M create_room other --retention never", 2, "never"),
    Line("$M chat_rooms", 2, "list"),
    Line("$M chat_rooms frobnicate", 2, "frobnicate"),
    Line("$M chat_rooms set newbox colour=red", 2, "colour"),
    Line("$M chat_rooms delete newbox --confirm other", 2, "newbox"),
    Line("$M chat_rooms import /nowhere", 2, "/nowhere"),
    Line("$M chat_user create", 2, "required"),
    Line("$M chat_user erase nobody --no-input", 3, "nobody"),
    Line("$M chat_prune --nonsense", 2, "--nonsense"),
    Line("$M chat_backup", 2, "required"),
    Line("$M chat_restore /nowhere", 2, "/nowhere"),
    Line("$M chat_check --format xml", 2, "xml"),
    Line("$M runchat 99999", 2, "99999"),
    Line("$M runchat nowhere.invalid:8000", 2, "nowhere.invalid"),
    Line("$M runchat --unix /etc/hostname", 1, "/etc/hostname"),
    Line("$M chat_bench", 2, "required"),
    Line("$M chat_bench newbox", 1, "runchat"),
    # standard input
    Line("$M chat_send newbox - <&-", 2, "closed"),
    Line("printf 'Gr\\374n' | $M chat_send newbox -", 2, "UTF-8"),
    Line("printf 'hi' | iconv -t UTF-16 | $M chat_send newbox -", 2, "UTF-"),
    Line("printf 'a\\000b' | $M chat_send newbox -", 2, "NUL"),
    Line("printf '\\n\\n' | $M chat_send newbox -", 2, "empty"),
    Line("head -c 10000000 /dev/zero | tr '\\0' x | $M chat_send newbox -", 4, "10000000"),
    Line("head -c 10000000 /dev/zero | tr '\\0' x | $M chat_send newbox --lines", 4, "line 1"),
    Line("printf 'Gr\\374n\\n' | $M chat_send newbox --lines", 2, "line 1"),
    Line("printf '{\"message\":1}' | $M chat_send newbox --jsonl", 2, "line 1"),
    Line("printf '[[[[' | $M chat_send newbox --jsonl", 2, "line 1"),
    # standard output
    Line("$M chat_send --help >/dev/full", 1, "No space left"),
    Line("$M chat_tail newbox --no-follow >&-", 1, "closed"),
    Line("$M chat_tail newbox --no-follow -n all >/dev/full", 1, "No space left"),
    Line("LC_ALL=C PYTHONUTF8=0 $M chat_tail nowhere-ü --no-follow", 2, "UTF-8"),
]
#: What looks bad and is not: the texts that it stores.
GOOD: dict[str, list[str]] = {
    "printf 'without an end' | $M chat_send -q newbox -": ["without an end"],
    "printf '\\357\\273\\277with a mark' | $M chat_send -q newbox -": ["with a mark"],
    "printf 'a\\r\\nb\\r\\n' | $M chat_send -q newbox --lines": ["a", "b"],
    "LC_ALL=C LANG=C $M chat_send -q newbox 'Grüße 🎉'": ["Grüße 🎉"],
    "$M chat_send -q newbox -- --help": ["--help"],
    "$M chat_send -q newbox -- -": ["-"],
    "$M chat_send -q newbox x <&-": ["x"],
    "$M chat_send -q newbox y >&- 2>&-": ["y"],
    "$M chat_tail newbox -n all --no-follow | head -c1 >/dev/null": [],
    'mkdir "$F/gone" && cd "$F/gone" && rmdir "$F/gone" && $M chat_send -q newbox z': ["z"],
    'env -i PATH="$PATH" CHAT_VAR_DIR="$CHAT_VAR_DIR" $M chat_send -q newbox bare': ["bare"],
}  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server, with the room newbox and one message."""
    site = ChatSite()
    try:
        for line in (["migrate", "-v0"], ["create_room", "-q", "newbox"], ["chat_send", "-q", "newbox", "first"]):
            assert site.manage(*line).returncode == 0
        yield site
    finally:
        site.close()


def shell(site: ChatSite, script: str) -> "subprocess.CompletedProcess[bytes]":
    env = {**site.env, "M": " ".join(site.command()), "F": str(site.var_dir)}
    return subprocess.run(
        ["/bin/sh", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=env,
        timeout=DEADLINE_S,
        check=False,
    )


def stored(site: ChatSite) -> list[str]:
    return [message["message"] for message in in_the_log(site, "newbox")]


RESTORE = pytest.mark.sqlite("PostgreSQL is restored by its own program")
BARE = pytest.mark.sqlite("it needs no variable to be found")


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, id=line.script[:70], marks=[RESTORE] if "restore" in line.script else []) for line in BAD],
)
def test_a_bad_command_line_is_one_line_and_its_exit_code(site: ChatSite, line: Line) -> None:
    done = shell(site, line.script)
    error = done.stderr.decode()
    assert (done.returncode, done.stdout) == (line.code, b""), error
    *usage, told = error.splitlines()
    assert line.error in told
    assert len(usage) <= 1, error
    assert all(line.code == 2 and shown.startswith("usage: manage.py ") for shown in usage), error
    assert not [character for character in FORBIDDEN if character in error]


@pytest.mark.parametrize(
    ("script", "texts"),
    [
        pytest.param(script, texts, id=script, marks=[BARE] if script.startswith("env -i") else [])
        for script, texts in GOOD.items()
    ],
)
def test_what_looks_bad_and_is_not_works(site: ChatSite, script: str, texts: list[str]) -> None:
    before = stored(site)
    done = shell(site, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert stored(site) == before + texts


def test_none_of_the_bad_ones_has_stored_anything(site: ChatSite) -> None:
    assert [text for text in stored(site) if text in ("hello", "hi", "ab", "a\0b")] == []
    assert {room.split("\t")[0] for room in site.manage("chat_rooms", "list").stdout.splitlines()} == {"newbox"}
