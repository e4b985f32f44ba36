"""Double entry: whoever reads the log from anywhere ends with the view of a client that was live all the time, after
every service and every kind of event that there is. A new one without a case here fails."""

import asyncio
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from chatcore import events, history, services
from chatcore.actors import SYSTEM, Actor, bot
from chatcore.events import Present
from chatcore.history import RoomView
from chatcore.models import Change, Message, Room
from chatcore.services import Post
from chatcore.services.erasing import erase_user
from chatcore.services.people import create_user
from chatcore.services.pruning import prune_rooms
from chatcore.services.renaming import rename_room
from chatcore.services.sanctions import impose_sanction, lift_sanction
from tests.integration.sockets import Client, Frame, Site, elsewhere
from tests.integration.tailing import tailed
from tests.integration.transferring import exported, imported

pytestmark = pytest.mark.django_db(transaction=True)

People = dict[str, Actor]
#: A message by its number, as the latest event has it.
View = dict[int, Frame]

#: What of an event is the event's own, and not the message's. A room's name is read as it is now.
OF_THE_EVENT = ("type", "rev", "change_id", "room")
#: What an export has of a message: no ids of this database, and no words that follow from others.
NOT_EXPORTED = ("id", "author", "client_id", "html", "expires_at")


def stored(*posts: Post) -> None:
    for result in services.post_messages(posts):
        assert isinstance(result, services.Posted), result


def post_messages(people: People) -> None:
    alice, sam = people["alice"], people["sam"]
    stored(
        Post("newbox", "hello @bob", alice, source="web", key="k-1"),
        Post("newbox", "**bold**", sam, "announcement", format="markdown", title="T", priority=5, tags=("a", "ü")),
        Post("newbox", "disk 90 %", bot("cron"), "notice", slot="disk", url="https://e.example/"),
        Post("newbox", "why?", people["bob"], reply_to=1),
        Post("newbox", "code", alice, format="code"),
        Post("newbox", "all of you", sam, "banner"),
        Post("newbox", "soon over", alice, lifetime=timedelta(microseconds=1)),
        Post("newbox", "disk 95 %", bot("cron"), "notice", slot="disk"),
        Post("newbox", "hello @bob", alice, source="web", key="k-1"),
        Post("newbox", "code", alice, once=timedelta(hours=1)),
    )


def edit_message(people: People) -> None:
    services.edit_message("newbox", 4, "why not, @carol?", people["bob"])
    services.edit_message("newbox", 2, "*less*", people["sam"], revision={"title": None, "priority": 1})
    services.edit_message("newbox", 4, "why not?", people["bob"])


def deliver_due(people: People) -> None:
    posts = [
        Post("newbox", "in time", people["alice"]),
        Post("newbox", "disk 99 %", bot("cron"), "notice", slot="disk"),
    ]
    services.schedule_messages(posts, timezone.now() + timedelta(microseconds=20_000))
    while services.deliver_due() == 0:
        pass
    services.deliver_due()


def cancel_message(people: People) -> None:
    due = timezone.now() + timedelta(hours=1)
    services.cancel_message(services.schedule_messages([Post("newbox", "never")], due)[0].id)


def save_presence(people: People) -> None:
    room, alice = history.room_named("newbox").id, people["alice"]
    here = {(room, alice.id): Present(alice.id, alice.name, alice.username)}
    services.save_presence("elsewhere:1", 1, timezone.now() + timedelta(hours=1), here, {})


def receipts(people: People) -> None:
    services.answer_delivery(services.ask_delivery([("newbox", 1)]), "elsewhere:1", 7)


def rename(people: People) -> None:
    """There and back, so that the others find it."""
    rename_room("newbox", "oldbox", SYSTEM)
    stored(Post("oldbox", "by the other name", people["alice"]))
    services.edit_message("oldbox", 1, "renamed meanwhile", people["alice"])
    rename_room("oldbox", "NewBox", SYSTEM)


#: Each service that writes, in an order in which each can be seen: how it is called, and how many events it adds.
ACTS: dict[str, tuple[Callable[[People], object], int]] = {
    "create_room": (lambda people: services.create_room("newbox", topic="of old", existing="update"), 0),
    "post_messages": (post_messages, 8),
    "edit_message": (edit_message, 3),
    "delete_message": (lambda people: services.delete_message("newbox", 5, people["sam"]), 1),
    "clear_banners": (lambda people: services.clear_banners(["newbox"], people["sam"]), 1),
    "expire_messages": (lambda people: services.expire_messages(), 1),
    "post": (lambda people: services.post("newbox", "from a view", author="shop"), 1),
    "apost": (lambda people: asyncio.run(services.apost("newbox", "from a task")), 1),
    "schedule_messages": (cancel_message, 0),
    "cancel_message": (cancel_message, 0),
    "deliver_due": (deliver_due, 2),
    "add_member": (lambda people: services.add_member("newbox", "bob", "moderator", SYSTEM), 0),
    "remove_member": (lambda people: services.remove_member("newbox", "bob", SYSTEM), 0),
    "join_room": (lambda people: services.join_room("newbox", people["carol"]), 0),
    "leave_room": (lambda people: services.leave_room("newbox", people["carol"]), 0),
    "set_room": (lambda people: services.set_room("newbox", SYSTEM, title="New"), 0),
    "archive_room": (lambda people: services.archive_room("newbox", SYSTEM), 0),
    "restore_room": (lambda people: services.restore_room("newbox", SYSTEM), 0),
    "impose_sanction": (lambda people: impose_sanction("carol", "mute", SYSTEM), 0),
    "lift_sanction": (lambda people: lift_sanction("carol", "mute", SYSTEM), 0),
    "create_user": (lambda people: create_user("dora"), 0),
    "save_presence": (save_presence, 0),
    "forget_leases": (lambda people: services.forget_leases(timezone.now() + timedelta(days=1)), 0),
    "save_read_marks": (
        lambda people: services.save_read_marks({(history.room_named("newbox").id, people["bob"].id): 3}),
        0,
    ),
    "ask_delivery": (receipts, 0),
    "answer_delivery": (receipts, 0),
    "forget_keys": (lambda people: services.forget_keys(), 0),
    "rename_room": (rename, 2),
    "erase_user": (lambda people: erase_user("bob", lambda done, of: None), 1),
}
#: Those that add nothing to a room which somebody reads, or end his reading: why they are not among the acts.
ELSEWHERE = {
    "prune_rooms": "what is below the floor is gone: below",
    "begin_epoch": "ends all reading: test_state_machine",
    "begin_new_history": "the same for all rooms: tests/acceptance/test_restore.py",
    "delete_room": "nothing is left to be read: tests/integration/test_feed.py",
    "import_room": "another room: below",
    "forgotten_imports": "of rooms that nobody has found yet",
    "accounts_for": "accounts alone",
    "remove_accounts": "accounts alone",
    "create_temporary_users": "accounts alone",
    "remove_temporary_users": "accounts alone",
    "sign_in": "sessions alone",
    "sign_out": "sessions alone",
    "end_sessions": "sessions alone",
    "check_writable": "writes nothing that stays",
    "create_token": "tokens alone",
    "create_hook": "tokens alone",
    "revoke_token": "tokens alone",
    "note_use": "tokens alone",
}


def test_every_service_that_writes_has_a_case_here() -> None:
    """Such a service waits for other writers at most so long: `timeout`."""
    names = {"post", "apost"}
    for module in pkgutil.iter_modules(services.__path__, f"{services.__name__}."):
        for name, service in vars(importlib.import_module(module.name)).items():
            if inspect.isfunction(service) and service.__module__ == module.name and not name.startswith("_"):
                names |= {name} if "timeout" in inspect.signature(service).parameters else set()
    assert names - {"writing"} == ACTS.keys() | ELSEWHERE.keys()
    assert services.__all__  # of which those that are no functions are what is handed in and out


def content(event: Frame) -> Frame:
    """What the event says of its message."""
    return {key: value for key, value in event.items() if key not in OF_THE_EVENT}


class Live:
    """A client that was there all the time: its view after each rev."""

    def __init__(self) -> None:
        self.views: list[View] = [{}]
        self.positions: list[str | None] = [None]
        self.frames: list[Frame] = []

    @property
    def final(self) -> View:
        return self.views[-1]

    async def read_up_to(self, client: Client, rev: int) -> None:
        while len(self.views) <= rev:
            frame = await client.frame()
            if frame["type"] in ("message", "edit", "delete"):
                assert frame["rev"] == len(self.views)
                self.frames.append(frame)
                self.positions.append(frame.get("change_id", frame["id"]))
                self.views.append({**self.final, frame["seq"]: content(frame)})

    def with_replay(self, after: int, frames: list[Frame]) -> View:
        """The view of somebody who was there up to `after`, and has read these events since."""
        return {**self.views[after], **{frame["seq"]: content(frame) for frame in frames}}


async def live_through(people: People) -> tuple[Live, list[Frame]]:
    """All acts, seen by a full client and a plain one; what each has got."""
    live = Live()
    root = await elsewhere(User.objects.get, username="root")
    async with (
        Site() as site,
        site.hello("newbox", root, after=0) as full,
        site.socket("newbox", root, full=False) as plain,
    ):
        await full.only("open")
        head = 0
        for name, (act, count) in ACTS.items():
            await elsewhere(act, people)
            head += count
            room = await elsewhere(Room.objects.get)
            assert room.head == head, name
            await live.read_up_to(full, head)
        posted = [frame for frame in live.frames if frame["type"] == "message"]
        return live, [await plain.only("message") for _ in posted]


async def replays(live: Live) -> None:
    """Full clients that come back, each from another place, and the pages of the history."""
    root = await elsewhere(User.objects.get, username="root")
    head = len(live.frames)
    epoch = (await elsewhere(Room.objects.get)).epoch
    async with Site() as site:
        for after in range(head + 1):
            known = {"id": live.positions[after]} if after else {}
            async with site.hello("newbox", root, after=after, epoch=epoch, **known) as client:
                assert (await client.only("open"))["head"] == head
                frames = await client.frames(head - after)
                assert [frame["rev"] for frame in frames] == list(range(after + 1, head + 1))
                assert live.with_replay(after, frames) == live.final
                for asked in ({"after": after}, {"before": after + 1}):
                    client.say(type="history", limit=500, **asked)
                    await check_history(client, live, asked)


async def check_history(client: Client, live: Live, asked: dict[str, int]) -> None:
    answer = (await client.until("history"))[-1]
    wanted = [seq for seq in live.final if (seq > asked["after"] if "after" in asked else seq < asked["before"])]
    assert [message["seq"] for message in answer["messages"]] == wanted
    assert [content(message) for message in answer["messages"]] == [live.final[seq] for seq in wanted]


@pytest.fixture
def live(newbox: RoomView, people: People) -> Live:
    """After all the acts."""
    with override_settings(CHAT_GUESTS="none"):
        live, plain = asyncio.run(live_through(people))
    assert [(frame["message"], frame["username"]) for frame in plain] == [
        (frame["message"], frame["username"]) for frame in live.frames if frame["type"] == "message"
    ]
    return live


def test_full_clients_from_every_place_and_pages_of_history_have_the_view_of_a_live_client(live: Live) -> None:
    asyncio.run(replays(live))


def test_every_kind_of_event_and_message_was_in_it(live: Live) -> None:
    assert {event.__struct_config__.tag for event in get_args(events.Event)} == {frame["type"] for frame in live.frames}
    assert set(Change.objects.values_list("kind", flat=True)) == set(Change.Kind.values)
    assert set(Message.objects.values_list("kind", flat=True)) == set(Message.Kind.values)
    assert {frame["format"] for frame in live.frames} == {"text", "markdown", "code"}


def test_chat_tail_has_it_from_the_beginning_and_from_every_cursor(live: Live, tmp_path: Path) -> None:
    head, room = len(live.frames), Room.objects.get()
    arguments = ["newbox", "--no-follow", "--events", "changes", "--json"]
    for after in range(head + 1):
        cursor = tmp_path / f"{after}.cursor"
        position = {"rev": after, "id": live.positions[after], "epoch": room.epoch}
        cursor.write_text(json.dumps({room.name_key: position}))
        frames = list(map(json.loads, tailed(*arguments, "--cursor-file", str(cursor)).splitlines()))
        assert [frame["rev"] for frame in frames] == list(range(after + 1, head + 1))
        assert live.with_replay(after, frames) == live.final
    lines = map(json.loads, tailed("newbox", "--no-follow", "-n", "all", "--json").splitlines())
    assert {line["seq"]: content(line) for line in lines} == live.final


def test_an_export_has_it_and_an_import_has_it_again(live: Live) -> None:
    payload = exported("NewBox")
    _, *lines = map(json.loads, payload.splitlines())
    assert [line["seq"] for line in lines] == list(live.final)
    for line in lines:
        of_live = {**live.final[line["seq"]], "deleted": live.final[line["seq"]]["deleted"]}
        assert {key: of_live[key] for key in line if key in of_live and key not in NOT_EXPORTED} == {
            key: value for key, value in line.items() if key in of_live and key not in NOT_EXPORTED
        }
    imported(payload, "copy")
    copied = map(json.loads, exported("copy").splitlines()[1:])
    assert [{**line, "room": "NewBox"} for line in copied] == lines


def test_after_pruning_the_rest_is_the_same(live: Live) -> None:
    old = {"seq__lte": 3}
    Message.objects.filter(**old).update(created_at=timezone.now() - timedelta(days=9))
    Change.objects.filter(**old).update(at=timezone.now() - timedelta(days=9))
    Room.objects.update(retention=timedelta(days=1))
    assert list(prune_rooms())
    room, head = Room.objects.get(), len(live.frames)
    assert (room.floor, room.seq_floor) == (3, 3)
    for after in range(room.floor, head + 1):
        frames = [json.loads(payload) for payload in history.events_after(room.pk, after, 5000).payloads]
        assert [frame["rev"] for frame in frames] == list(range(after + 1, head + 1))
        view = live.with_replay(after, frames)
        assert {seq: view[seq] for seq in view if seq > 3} == {seq: live.final[seq] for seq in view if seq > 3}
