"""What a token may, end to end: made by the command, told by the API, ended by the command."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _rooms(site: ChatSite) -> None:
    """Rooms of each sort."""
    for options in (
        ("ops-web",),
        ("ops-db",),
        ("board", "--private"),
        ("news", "--announce-only"),
        ("attic",),
    ):
        assert site.manage("create_room", *options).returncode == 0
    assert site.manage("chat_rooms", "archive", "attic").returncode == 0


REFUSED = {
    "nothing": None,
    "another scheme": "Digest username=guest",
    "no token": "Bearer",
    "an empty token": "Bearer ",
    "not of its form": "Bearer hunter2",
    "of its form, unknown": "Bearer rl_aaaaaaaaaaaa_" + "x" * 43,
    "too long": "Bearer rl_" + "a" * 5000,
    "letters beyond ASCII": "Bearer rl_\xe4\xf6\xfc_" + "x" * 43,
    "Basic that is no base64": "Basic !!!",
    "Basic without a colon": "Basic " + base64.b64encode(b"guest").decode(),
    "Basic with a wrong password": "Basic " + base64.b64encode(b"guest:hunter2").decode(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_token_is_refused_with_a_reason_and_the_way_in(site: ChatSite, name: str) -> None:
    header = REFUSED[name]
    answer = Guest(site).post("newbox", "hello") if header is None else Guest(site).ask(
        "POST", "rooms/newbox/messages", "hello", {"Authorization": header}
    )  # fmt: skip
    assert answer.status == 401
    assert answer.error[0] == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["cache-control"] == "no-store"
    assert "hunter2" not in answer.body.decode()


def test_a_wrong_secret_with_a_known_id_is_refused_as_an_unknown_one_is(site: ChatSite, guest: Guest) -> None:
    assert guest.token is not None
    wrong = guest.token[:-6] + "wrong_"
    unknown = guest.token[:3] + "a" * 12 + guest.token[15:]
    one, other = (Guest(site, text).get("rooms") for text in (wrong, unknown))
    assert one.error[0] == other.error[0] == 401
    assert one.json["code"] == other.json["code"]


def test_the_token_may_come_as_the_password_of_basic(site: ChatSite, guest: Guest) -> None:
    words = base64.b64encode(f"anybody:{guest.token}".encode()).decode()
    answer = Guest(site).ask("POST", "rooms/newbox/messages", "by Basic", {"Authorization": f"Basic {words}"})
    assert (answer.status, answer.json["message"]["author"]["type"]) == (201, "token")


def test_its_messages_have_its_name_and_not_its_secret(guest: Guest) -> None:
    answer = guest.post("newbox", {"message": "hello", "username": "Deploys"})
    message = answer.json["message"]
    assert (message["username"], message["author"]["type"], message["author"]["name"]) == ("Deploys", "token", "guest")
    assert message["source"] == "http"
    assert guest.token is not None
    assert guest.token.split("_", 2)[2] not in answer.body.decode()
    assert guest.post("newbox", "hello").json["message"]["username"] == "guest"


TABLE: list[tuple[tuple[str, ...], str, str, int | tuple[int, str]]] = [
    # options of the token, method, path, what comes
    (("--room", "ops-*"), "POST", "rooms/ops-web/messages", 201),
    (("--room", "ops-*"), "POST", "rooms/OPS-DB/messages", 201),
    (("--room", "ops-*"), "GET", "rooms/ops-web/messages", 200),
    (("--room", "ops-*"), "POST", "rooms/newbox/messages", (404, "not_found")),
    (("--room", "ops-*"), "GET", "rooms/newbox/messages", (404, "not_found")),
    (("--room", "ops-*"), "GET", "rooms/nowhere/messages", (404, "not_found")),
    (("--room", "*"), "POST", "rooms/board/messages", (404, "not_found")),
    (("--room", "*"), "GET", "rooms/board/messages", (404, "not_found")),
    (("--room", "*"), "GET", "rooms/board/stream", (404, "not_found")),
    (("--room", "boar?"), "GET", "rooms/board", (404, "not_found")),
    (("--room", "board"), "POST", "rooms/board/messages", 201),
    (("--room", "board"), "GET", "rooms/board/messages", 200),
    (("--room", "*"), "POST", "rooms/news/messages", 201),
    (("--room", "*"), "POST", "rooms/attic/messages", (403, "archived")),
    (("--room", "*"), "GET", "rooms/attic/messages", 200),
    (("--room", "*", "--can", "read"), "POST", "rooms/newbox/messages", (403, "forbidden")),
    (("--room", "*", "--can", "read"), "GET", "rooms/newbox/messages", 200),
    (("--room", "*", "--can", "read"), "POST", "rooms/board/messages", (404, "not_found")),
    (("--room", "*", "--can", "send"), "POST", "rooms/newbox/messages", 201),
    (("--room", "*", "--can", "send"), "GET", "rooms/newbox/messages", (403, "forbidden")),
    (("--room", "*", "--can", "send"), "GET", "rooms/newbox/stream", (403, "forbidden")),
    (("--room", "ops-web", "--room", "ops-db"), "POST", "rooms/ops-db/messages", 201),
    (("--room", "ops-web", "--room", "ops-db"), "POST", "rooms/newbox/messages", (404, "not_found")),
]


@pytest.fixture(scope="module")
def tokens(site: ChatSite) -> Callable[..., Guest]:
    """One for each set of options."""
    made: dict[tuple[str, ...], Guest] = {}

    def guest_with(*options: str) -> Guest:
        if options not in made:
            made[options] = Guest(site, token(site, f"of-the-table-{len(made)}", *options))
        return made[options]

    return guest_with


def test_each_line_of_the_table_of_what_a_token_may_is_kept(tokens: Callable[..., Guest]) -> None:
    found = []
    for options, method, path, _ in TABLE:
        answer = tokens(*options).ask(method, path, "hello" if method == "POST" else None)
        found.append((options, method, path, answer.status if answer.status < 400 else answer.error))
    assert found == TABLE


def test_a_private_room_that_it_may_not_know_is_told_as_a_missing_one(tokens: Callable[..., Guest]) -> None:
    private, missing = (tokens("--room", "*").get(f"rooms/{name}/messages").json for name in ("board", "broad"))
    assert str(private).replace("board", "broad") == str(missing)
    assert "board" not in [room["name"] for room in tokens("--room", "*").get("rooms").json["rooms"]]


def test_it_changes_its_own_messages_and_no_others(site: ChatSite, guest: Guest) -> None:
    own = guest.post("newbox", "mine").json["message"]["seq"]
    other = Guest(site, token(site, "other", "--room", "newbox"))
    assert other.ask("PATCH", f"rooms/newbox/messages/{own}", {"message": "theirs"}).error == (403, "forbidden")
    assert other.ask("DELETE", f"rooms/newbox/messages/{own}").error == (403, "forbidden")
    edited = guest.ask("PATCH", f"rooms/newbox/messages/{own}", {"message": "still mine"})
    assert (edited.status, edited.json["status"], edited.json["message"]["message"]) == (200, "edited", "still mine")
    assert guest.ask("DELETE", f"rooms/newbox/messages/{own}").json["status"] == "deleted"


def test_over_its_rate_it_is_told_how_long_to_wait(site: ChatSite) -> None:
    slow = Guest(site, token(site, "slow", "--room", "newbox", "--rate", "1/m burst 3"))
    assert [slow.post("newbox", f"{number}").status for number in range(3)] == [201] * 3
    answer = slow.post("newbox", "one too many")
    assert answer.error == (429, "rate")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert 0 < answer.json["retry_after"] <= 60


def test_an_expired_token_is_refused_with_the_reason(site: ChatSite) -> None:
    short = Guest(site, token(site, "short", "--room", "newbox", "--expire", "1s"))
    wait_until(lambda: short.get("rooms").status != 200, "the end of the token's time")
    answer = short.get("rooms")
    assert answer.error[0] == 401
    assert "expired" in answer.json["detail"]


def test_a_revoked_token_is_refused_and_its_stream_and_socket_are_closed(
    site: ChatSite, figures: Callable[..., None]
) -> None:
    text = token(site, "revoked", "--room", "newbox")
    revoked = Guest(site, text)

    async def scenario() -> int | None:
        async with connect(
            site.ws_url("newbox") + "?v=1", additional_headers={"Authorization": f"Bearer {text}"}
        ) as socket:
            await socket.send('{"type": "hello"}')
            while json.loads(await socket.recv())["type"] != "open":
                pass
            with revoked.stream("newbox") as stream:
                assert stream.status == 200
                done = await asyncio.to_thread(site.manage, "chat_token", "revoke", "revoked")
                assert done.returncode == 0, done.stderr
                ended = time.monotonic()
                rest = await asyncio.to_thread(stream.until_end)
                assert [event["code"] for event in rest if event["type"] == "error"] in ([], ["not_signed_in"])
                figures("revoked", stream_s=round(time.monotonic() - ended, 2))
            async with asyncio.timeout(DEADLINE_S):
                with suppress(ConnectionClosed):
                    async for _ in socket:
                        pass  # what still comes
        return socket.close_code

    assert asyncio.run(scenario()) == 4401
    wait_until(lambda: revoked.get("rooms").status == 401, "the end of the token")
    answer = revoked.post("newbox", "still here")
    assert answer.error[0] == 401
    assert "revoked" in answer.json["detail"]


def test_a_hook_takes_what_slack_and_mattermost_send(site: ChatSite) -> None:
    address = token(site, "ci", "--hook", "newbox")
    path = address[address.index("/api/") :]
    for body, kind in (
        ('{"text": "build 7 passed", "username": "CI", "icon_emoji": ":ok:"}', "application/json"),
        ("payload=%7B%22text%22%3A%20%22build%207%20passed%22%7D", "application/x-www-form-urlencoded"),
    ):
        connection = HTTPConnection(site.host, site.port, timeout=DEADLINE_S)
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok")
        connection.close()
    *_, one, two = Guest(site, token(site, "reader", "--room", "newbox")).get("rooms/newbox/messages").json["messages"]
    assert (one["message"], one["username"], one["author"]["name"]) == ("build 7 passed", "CI", "ci")
    assert (two["username"], two["author"]["type"]) == ("ci", "token")
    assert site.manage("chat_token", "revoke", "ci").returncode == 0
    path = path.removeprefix("/api/")
    wait_until(lambda: Guest(site).ask("POST", path, {"text": "late"}).status == 401, "the end of the hook")
