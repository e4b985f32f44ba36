"""Texts that try something: what cannot be stored is refused alike by a command, a socket and Python; what can be is
stored as it is, reaches readers as it is, and does nothing to a terminal or a page."""

import asyncio
import io
import json
import os

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, override_settings

import chatcore
from chatcli.console import one_line
from chatcore.exceptions import ChatError
from chatcore.history import RoomView
from chatcore.models import Message
from tests.integration.sending import sent, stored
from tests.integration.sockets import Site
from tests.integration.tailing import tailed
from tests.unit.hostile import FORBIDDEN, HOSTILE

LIMIT = 4000

#: The code of the error, and the command's exit code.
REFUSED: dict[str, tuple[str, str, int]] = {
    "empty": ("", "empty", 2),
    "a blank": (" ", "empty", 2),
    "newlines": ("\n\r\n\t", "empty", 2),
    "blanks of Unicode": ("\u2003\u3000\u00a0\u2028", "empty", 2),
    "a separator of C0": ("\x1c\x1d\x1e\x1f", "empty", 2),
    "a NUL": ("a\0b", "bad_text", 2),
    "NUL alone": ("\0", "bad_text", 2),
    "half a surrogate pair": ("a\ud800b", "bad_text", 2),
    "a pair the wrong way round": ("\udc00\ud800", "bad_text", 2),
    "bytes of argv that are not UTF-8": (os.fsdecode(b"a\xff\xfeb"), "bad_text", 2),
    "one over the limit": ("x" * (LIMIT + 1), "too_long", 4),
    "one over in characters of four bytes": ("🎉" * (LIMIT + 1), "too_long", 4),
    "far over": ("x" * 100_000, "too_long", 4),
}
STORED: dict[str, str] = {
    **HOSTILE,
    "at the limit": "x" * LIMIT,
    "at the limit in characters of four bytes": "🎉" * LIMIT,
    "at the limit in combining marks": "z" + "\u0301" * (LIMIT - 1),
    "an image": "<img src=x onerror=alert(1)>",
    "a script": "</script><script>alert(1)</script>",
    "a script's end in JSON": '{"a": "</script><!--"}',
    "a link that is a script": "javascript:alert(1) [x](javascript:alert(1))",
    "a template": "{{7*7}} {% include 'x' %}",
    "a zero-width text": "\u200b",
    "not a character": "\uffff\ufffe",
    "a private character": "\ue000",
    "a byte order mark": "\ufeffhello",
    "all that a shell expands": "$(reboot) `reboot` ${HOME} * ~ !! \\ ' \"",
    "all that Python formats": "%s %(message)s %n {0} {message.__class__}",
    "an option": "--help",
    "two dashes": "--",
    "a record of the program's own": '{"type":"message","seq":1}',
    "SQL": "'; DROP TABLE chatcore_message; --",
    "right to left": "\u202eabc\u202c \u2067x\u2069 مرحبا",
    "a flag, a family, a skin": "🇩🇪 👨‍👩‍👧‍👦 👍🏿",
}


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "code", "exit_code"), REFUSED.values(), ids=REFUSED)
def test_a_text_that_cannot_be_stored_is_refused_by_commands_and_by_python(
    newbox: RoomView, text: str, code: str, exit_code: int
) -> None:
    with pytest.raises(ChatError) as refused:
        chatcore.post("newbox", text)
    assert refused.value.code == code
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_send", "newbox", "--", text, stdout=out, stderr=io.StringIO())
    assert (caught.value.returncode, out.getvalue()) == (exit_code, "")
    assert not [character for character in (*FORBIDDEN, "\n") if character in str(caught.value)]
    assert not Message.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("text", STORED.values(), ids=STORED)
def test_a_text_that_can_be_stored_is_kept_as_it_is_and_does_nothing_to_a_page(newbox: RoomView, text: str) -> None:
    assert sent("newbox", "--", text) == "newbox #1\n"
    assert chatcore.post("newbox", text, author="bot").message == text
    assert [message.message for message in stored()] == [text, text]
    page = Client()
    page.force_login(User.objects.create_user("alice"))
    found = page.get("/chat/newbox/search/", {"q": text[:100].split("\n")[0]}).content.decode()
    assert not [evil for evil in ("<img src=x", "<script>alert", 'href="javascript:', ">49<") if evil in found]


@pytest.mark.django_db(transaction=True)
def test_a_socket_refuses_and_tells_the_same_texts(newbox: RoomView) -> None:
    alice = User.objects.create_user("alice")

    async def check() -> None:
        async with Site() as site, site.hello("newbox", alice) as client:
            await client.only("open")
            for name, (text, code, _) in REFUSED.items():
                client.say(type="send", message=text, client_id=name)
                found = await client.only("error")
                in_json = "bad_json" if code == "bad_text" and "\0" not in text else code  # no UTF-8 has it
                assert (found["code"], found["client_id"]) == (in_json, None if in_json == "bad_json" else name)
            for text in STORED.values():
                client.say(type="send", message=text)
                frames = {frame["type"]: frame for frame in await client.frames(2)}
                assert frames["message"]["message"] == text

    with override_settings(CHAT_RATE="off"):
        asyncio.run(check())


@pytest.mark.django_db(transaction=True)
def test_chat_tail_shows_each_as_a_record_that_does_nothing_to_a_terminal(newbox: RoomView) -> None:
    for text in STORED.values():
        chatcore.post("newbox", text, author="bot")
    records = tailed("newbox", "--no-follow", "-n", "all", "--json").split("\n")[:-1]
    assert [json.loads(record)["message"] for record in records] == list(STORED.values())
    shown = tailed("newbox", "--no-follow", "-n", "all", "--timestamps", "none")
    assert not [character for character in FORBIDDEN if character in shown]
    begins = [line.split(" ")[1] for line in shown.split("\n") if line and not line.startswith("  ")]
    assert begins == [f"#{number}" for number in range(1, len(STORED) + 1)]


def test_what_is_shown_of_all_texts_is_one_line_where_one_is_wanted() -> None:
    for text in STORED.values():
        assert not [character for character in (*FORBIDDEN, "\n") if character in one_line(text)]
