"""Hostile words on the command line: whatever a command says of them is one line that a terminal shows as it is."""

import io
import itertools
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcore import services
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.django_db(transaction=True)

#: All in one, as far as a word of a command line can have it; and some alone, where a long one is another mistake.
TEXTS = ["".join(text for text in HOSTILE.values() if len(text) < 1000)]
TEXTS += [HOSTILE[name] for name in ("colour", "bidi override", "line separator", "another record", "formats")]
#: `{}` is the hostile text, `{here}` an empty folder.
LINES = [
    "chat_send {} hello",
    "chat_send newbox,{} hello",
    "chat_send newbox hello --{}",
    "chat_send newbox hello --as {}",
    "chat_send newbox hello --name {}",
    "chat_send newbox hello --file {here}/{}",
    "chat_send newbox --file {here}/{}",
    *(
        f"chat_send newbox hello --{option}={{}}"
        for option in ("at", "in", "expire", "once", "wait", "timeout", "retry")
    ),
    *(
        f"chat_send newbox hello --{option}={{}}"
        for option in ("kind", "priority", "format", "reply-to", "edit", "link")
    ),
    *(f"chat_send newbox hello --{option}={{}}" for option in ("title", "tag", "slot", "key", "tail-lines", "on")),
    "chat_send newbox hello --schema={}",
    "chat_send --cancel={}",
    "chat_send newbox hello --in 1h --key={}",
    "chat_send newbox hello --dry-run --title={}",
    "chat_send nowhere {} --run --on always -- {here}/{}",
    "chat_tail {} --no-follow",
    "chat_tail {}* --no-follow",
    "chat_tail none-*{} --timeout 0.01",
    *(
        f"chat_tail newbox --no-follow --{option}={{}}"
        for option in ("lines", "after", "since", "until", "count", "idle")
    ),
    *(
        f"chat_tail newbox --no-follow --{option}={{}}"
        for option in ("author", "kind", "min-priority", "tag", "events")
    ),
    *(f"chat_tail newbox --no-follow --{option}={{}}" for option in ("output", "timestamps", "exec-retries", "poll")),
    "chat_tail newbox --no-follow --grep=({}",
    "chat_tail newbox --no-follow --exclude=[{}",
    "chat_tail newbox --no-follow --template={{{}}}",
    "chat_tail newbox --no-follow --template={}",
    "chat_tail newbox --no-follow --cursor-file={here}/none/{}",
    "chat_tail newbox --no-follow --cursor-file={here}/{}",
    "chat_tail newbox --no-follow --exec-retries 0 --exec=exit\t3\t#{}",
    "create_room {}",
    "create_room x --owner {}",
    "create_room newbox --if-not-exists --retention={}",
    "chat_rooms {}",
    *(f"chat_rooms {name} {{}}" for name in ("list", "show", "archive", "restore", "delete", "members", "who")),
    "chat_rooms show --{}",
    "chat_rooms archive {} newbox",
    "chat_rooms set newbox {}",
    "chat_rooms set newbox title={}",
    *(f"chat_rooms set newbox {key}={{}}" for key in ("private", "retention", "max-length")),
    "chat_rooms rename newbox {}",
    "chat_rooms rename {} newbox",
    "chat_rooms delete newbox --confirm={}",
    "chat_rooms members newbox --add={}",
    "chat_rooms members newbox --add=nobody:{} --remove={}",
    "chat_rooms new-epoch {}",
    "runchat {}",
    "chat_bench {}",
    "chat_bench newbox --as={}",
    *(f"chat_bench newbox --{option}={{}}" for option in ("clients", "messages", "rate")),
]


@pytest.fixture(autouse=True)
def room() -> None:
    services.create_room("newbox")
    services.post_messages([services.Post("newbox", "hello")])


def said(words: list[str]) -> str:
    """All that the command prints, and the line of its error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*words, stdout=out, stderr=err)
    except CommandError as error:
        return f"{out.getvalue()}{err.getvalue()}CommandError: {error}\n"
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("command", ["chat_bench", "chat_rooms", "chat_send", "chat_tail", "create_room", "runchat"])
def test_what_is_said_of_a_hostile_word_is_harmless(command: str, tmp_path: Path) -> None:
    lines = [line.split(" ") for line in LINES if line.startswith(command)]
    assert lines
    for line, text in itertools.product(lines, TEXTS):
        output = said([word.replace("{here}", str(tmp_path)).replace("{}", text) for word in line])
        assert not [character for character in FORBIDDEN if character in output], (line, output)
        assert not re.search("^06:15:02", output, re.MULTILINE), (line, output)
        if "--run" not in line:  # of which the report is told too
            assert output.partition("CommandError: ")[2].count("\n") <= 1, (line, output)
