"""Names that no room can have, and names that are those of a room already: the same answer on every surface, and no
room is made, shown or written to by mistake."""

import asyncio
import io
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.exceptions import BadRoomName, ChatError, RoomExists, RoomNotFound
from chatcore.history import RoomView
from chatcore.models import Message, Room
from chatcore.services import Post
from chatcore.services.renaming import rename_room
from tests.integration.sockets import Site
from tests.unit.hostile import FORBIDDEN

pytestmark = pytest.mark.django_db

BAD = {
    "empty": "",
    "a blank": " ",
    "blanks of Unicode": "\u2003\u3000",
    "a blank before": " newbox",
    "a blank behind": "newbox ",
    "65 characters": "x" * 65,
    "a thousand characters": "x" * 1000,
    "a slash": "new/box",
    "a backslash": "new\\box",
    "up": "..",
    "up and away": "../../etc/passwd",
    "a point": ".",
    "NUL": "new\0box",
    "a newline": "new\nbox",
    "a carriage return": "newbox\r",
    "an escape": "\x1b[31mbox",
    "a C1 control": "\x9bbox",
    **{f"a {sign}": f"new{sign}box" for sign in "*#?:,@&%+~=;|$'\"`<>()[]{}^!"},
    "an emoji": "party🎉",
    "right to left": "\u202exobwen",
    "an isolate": "\u2066newbox\u2069",
    "a zero-width space": "new\u200bbox",
    "a zero-width joiner": "new\u200dbox",
    "a byte order mark": "\ufeffnewbox",
    "a soft hyphen": "new\u00adbox",
    "an invisible letter": "new\u3164box",
    "a variation selector": "newbox\ufe0f",
    "a line separator": "new\u2028box",
    "half a surrogate pair": "new\ud800box",
    "a private character": "new\ue000box",
    "no character at all": "new\uffffbox",
    "a mark before": "\u0301newbox",
    "a letter that is a sentence": "a\ufdfab",
    "a Roman numeral": "ⅷ",
    "a script": "<script>alert(1)</script>",
    "options": "-rf",
    "help": "--help",
    "two dashes": "--",
    "a point behind": "newbox.",
    "formats": "%s{0}$(x)",
    "a template": "{{7*7}}",
}
#: Other spellings of the room „Étage1“.
TWINS = {
    "as it is": "Étage1",
    "lower case": "étage1",
    "upper case": "ÉTAGE1",
    "in two characters": "E\u0301tage1",
    "in two, lower": "e\u0301tage1",
    "full width": "Étage１",
    "mathematical": "Étag𝐞1",
}


def exit_code(*words: str) -> tuple[int, str]:
    """Of a command; its line of error is harmless, and there is nothing else."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*words, stdout=out, stderr=io.StringIO())
    line = str(caught.value)
    assert out.getvalue() == ""
    assert line
    assert not [character for character in (*FORBIDDEN, "\n") if character in line]
    return caught.value.returncode, line


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("alice"))
    return client


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD.values(), ids=BAD)
def test_a_name_that_no_room_can_have_is_refused_everywhere(newbox: RoomView, browser: Client, name: str) -> None:
    with pytest.raises(BadRoomName):
        services.create_room(name)
    with pytest.raises(BadRoomName):
        rename_room("newbox", name, SYSTEM)
    (result,) = services.post_messages([Post(name, "hello")])
    assert isinstance(result, RoomNotFound)

    assert exit_code("create_room", "--", name)[0] == 2
    assert exit_code("chat_rooms", "rename", "newbox", "--", name)[0] == 2
    assert exit_code("chat_send", "--", name, "hello")[0] in (2, 3)
    if "*" not in name:  # which fits the names of rooms
        assert exit_code("chat_tail", "--no-follow", "--", name)[0] in (2, 3)

    form = urlencode({"name": name}, errors="surrogatepass")
    assert browser.post("/rooms/new/", form, "application/x-www-form-urlencoded").status_code == 400
    path = quote(name, safe="", errors="surrogatepass")
    page = browser.get(f"/chat/{path}/")
    assert page.status_code == 404
    assert "<script>alert" not in page.content.decode()

    assert list(Room.objects.values_list("name", flat=True)) == ["newbox"]
    assert not Message.objects.exists()


@pytest.mark.parametrize("name", TWINS.values(), ids=TWINS)
def test_another_spelling_is_the_same_room_everywhere(browser: Client, name: str) -> None:
    services.create_room("Étage1")
    with pytest.raises(RoomExists):
        services.create_room(name)
    assert exit_code("create_room", name)[0] == 4
    assert browser.post("/rooms/new/", {"name": name}).status_code == 400
    (result,) = services.post_messages([Post(name, "hello")])
    assert not isinstance(result, ChatError)
    assert result.message.room == "Étage1"
    page = browser.get(f"/chat/{quote(name)}/")
    if name == "Étage1":
        assert page.status_code == 200
    else:
        assert (page.status_code, page["Location"]) == (302, f"/chat/{quote('Étage1')}/")
    assert list(Room.objects.values_list("name", flat=True)) == ["Étage1"]


@pytest.mark.django_db(transaction=True)
def test_a_socket_at_a_name_that_no_room_can_have_is_4404(newbox: RoomView) -> None:
    alice = User.objects.create_user("alice")

    async def check() -> None:
        async with Site() as site:
            for name in BAD.values():
                async with site.socket(name, alice) as client:
                    assert await client.error() == ("not_found", None), name
                    assert await client.closed() == 4404

    asyncio.run(check())
