"""Hostile text on a terminal with colours, and through `chat_send`: nothing but our own colours gets to the terminal.

What `chat_tail` prints without colours is in test_cli_tail_output.py.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.slow

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PLAIN = {"NO_COLOR": "1"}
TEXTS = list(HOSTILE.values())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatSite]:
    """Data without a server: the room hostile, in which each text is a message, its author, its title and a tag."""
    site = ChatSite({"TERM": "xterm-256color", "NO_COLOR": "", "FORCE_COLOR": ""})
    script = "from chatcore import services as s\nfrom chatcore.actors import bot\ns.create_room('hostile')\n"
    script += f"for t in {TEXTS!r}:\n  p = s.Post('hostile', t, bot(t[:150]), 'banner', title=t[:99], tags=(t[:9],))\n"
    script += "  assert isinstance(s.post_messages([p])[0], s.Posted)\n"
    try:
        for line in (["migrate", "-v0"], ["shell", "-v0", "-c", script]):
            done = site.manage(*line)
            assert done.returncode == 0, done.stderr
        yield site
    finally:
        site.close()


@pytest.mark.parametrize("form", [[], ["--template", "{created_at:%H:%M} {username} {author} {tags}: {message}"]])
def test_colours_are_all_that_a_terminal_with_colours_gets_more(site: ChatSite, form: list[str]) -> None:
    command = site.command("chat_tail", "hostile", "--no-follow", "-n", "all", "--utc", *form)
    coloured, plain = (on_terminal(command, {**site.env, **env}) for env in ({}, PLAIN))
    assert (coloured[0], plain[0]) == (0, 0)
    assert COLOURS.sub("", coloured[1]) == plain[1]
    assert not [character for character in FORBIDDEN if character in plain[1]]


def test_what_chat_send_says_of_hostile_lines_is_harmless(site: ChatSite, tmp_path: Path) -> None:
    lines = [json.dumps({"message": text, "title": text[:100]}) for text in TEXTS]
    lines += [json.dumps({"message": text, "kind": text}) for text in TEXTS]
    lines += [json.dumps({"message": text, text: text}) for text in TEXTS]
    lines += [f"{text} is no JSON" for text in TEXTS if "\n" not in text]
    (tmp_path / "lines").write_text("\n".join(lines))
    command = site.command("chat_send", "hostile", "--jsonl", "--keep-going", "--json", "--name", TEXTS[0])
    script = f"{shlex.join(command)} <{tmp_path / 'lines'}"
    code, output = on_terminal(["sh", "-c", script], site.env)
    assert code == 2
    output = COLOURS.sub("", output)
    assert not [character for character in FORBIDDEN if character in output]
    told = output.splitlines()
    sent = [json.loads(line)["message"]["message"] for line in told if line.startswith("{")]
    assert sent == TEXTS
    assert [line for line in told if not re.match(r'\{"status":"sent",|line \d+: |CommandError: \d+ lines', line)] == []


def test_the_traceback_of_an_error_that_names_hostile_text_is_harmless(site: ChatSite) -> None:
    code, output = on_terminal(site.command("chat_send", "".join(TEXTS), "x", "--traceback"), site.env)
    assert code == 3
    output = COLOURS.sub("", output)
    assert not [character for character in FORBIDDEN if character in output]
    first, *rest = output.splitlines()
    assert first == "Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)
