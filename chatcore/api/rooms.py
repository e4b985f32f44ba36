"""Rooms and who is in them, as programs see them; and what a token may."""

from datetime import datetime
from typing import Literal

import msgspec

from chatcore import conf, history
from chatcore.actors import ABILITIES, Actor
from chatcore.api.answers import Reply
from chatcore.api.operations import Operation
from chatcore.api.requests import Call
from chatcore.api.shapes import Given, Moment
from chatcore.events import Present
from chatcore.exceptions import ChatError
from chatcore.history import RoomView
from chatcore.history.browsing import created_at
from chatcore.history.members import named_members
from chatcore.history.presence import present_people
from chatcore.names import room_key
from chatcore.permissions import NOBODY, check_post


class RoomsQuery(Given):
    """Which rooms."""

    #: Archived rooms, too, which are only read.
    archived: bool = False


class Room(msgspec.Struct, kw_only=True):
    """A room. `key` is its name as it is looked up, which globs of tokens mean; `members` how many it has."""

    name: str
    key: str
    title: str
    topic: str
    private: bool
    announce_only: bool
    archived: bool
    #: The rev of its last event, and the rev up to which its log was pruned.
    head: int
    floor: int
    #: The number of its last message.
    last_seq: int
    #: Its history: another one after a backup was restored.
    epoch: str
    members: int
    #: Whether whoever asks may write there.
    can_post: bool
    created_at: Moment


class Rooms(msgspec.Struct):
    """Rooms by name."""

    rooms: list[Room]


class RoomMember(msgspec.Struct, kw_only=True):
    """A member: the account, and the name that people see."""

    name: str
    username: str
    role: Literal["owner", "moderator", "member"]


class Members(msgspec.Struct):
    """The members of a room: owners first, then moderators, each by name."""

    room: str
    members: list[RoomMember]


class People(msgspec.Struct):
    """Who has the room open now, on any server. `people` is null in a room with more than a hundred."""

    room: str
    count: int
    people: list[Present] | None


class TokenFacts(msgspec.Struct, kw_only=True):
    """What whoever asks may: in the rooms that one of `rooms` means, which are keys and globs of keys."""

    name: str
    type: Literal["token", "system"]
    rooms: list[str]
    can: list[Literal["read", "send"]]
    expires_at: Moment | None
    #: Messages that it may send, as `10/s burst 50`; `off`: as many as it likes.
    rate: str


async def rooms(call: Call) -> Reply:
    """The rooms that it may read."""
    return Reply(await call.process.hub.lookout.read(_rooms, call.actor, call.query.archived))


def _rooms(actor: Actor, archived: bool) -> Rooms:
    views = history.rooms_for(actor, archived=archived)
    created = created_at([view.id for view in views])
    return Rooms([_described(view, actor, created[view.id]) for view in views if view.id in created])


async def room(call: Call) -> Reply:
    """One room."""
    return Reply(await call.process.hub.lookout.read(_room, call.room, call.actor))


def _room(name: str, actor: Actor) -> Room:
    view = history.room_named(name, actor)
    if (moment := created_at([view.id]).get(view.id)) is None:  # deleted just now
        raise history.unknown_room(name, actor)
    return _described(view, actor, moment)


def _described(view: RoomView, actor: Actor, created: datetime) -> Room:
    return Room(
        name=view.name, key=room_key(view.name), title=view.title, topic=view.topic, private=view.private,
        announce_only=view.announce_only, archived=view.archived, head=view.head, floor=view.floor,
        last_seq=view.last_seq, epoch=view.epoch, members=view.member_count, can_post=_may_post(actor, view),
        created_at=created,
    )  # fmt: skip


def _may_post(actor: Actor, view: RoomView) -> bool:
    try:
        check_post(actor, view, NOBODY)  # neither tokens nor the system are members
    except ChatError:
        return False
    return True


async def members(call: Call) -> Reply:
    """Who belongs to the room."""
    return Reply(await call.process.hub.lookout.read(_members, call.room, call.actor))


def _members(name: str, actor: Actor) -> Members:
    view = history.room_named(name, actor)
    found = [
        RoomMember(name=member.name, username=username, role=member.role)  # type: ignore[arg-type]
        for member, username in named_members(view.id)
    ]
    return Members(view.name, found)


async def presence(call: Call) -> Reply:
    """Who is there."""
    return Reply(await call.process.hub.lookout.read(_presence, call.room, call.actor))


def _presence(name: str, actor: Actor) -> People:
    view = history.room_named(name, actor)
    here = present_people([view.id])[view.id]
    return People(view.name, here.count, here.people)


async def token(call: Call) -> Reply:
    """What it may itself."""
    actor, grant = call.actor, call.actor.grant
    if grant is None:
        facts = TokenFacts(
            name=actor.name, type="system", rooms=["*"], can=list(ABILITIES), expires_at=None, rate="off"
        )
    else:
        facts = TokenFacts(
            name=actor.name, type="token", rooms=list(grant.rooms), can=list(grant.can),
            expires_at=grant.expires_at, rate=grant.rate or conf.settings.RATE,
        )  # fmt: skip
    return Reply(facts)


OPERATIONS = (
    Operation(
        "GET", "rooms", "list_rooms", "List rooms", rooms, answers={200: Rooms}, query=RoomsQuery,
        description="The rooms that the token may read.",
    ),
    Operation("GET", "rooms/{room}", "show_room", "Show a room", room, answers={200: Room}),
    Operation(
        "GET", "rooms/{room}/members", "list_members", "List members", members, answers={200: Members},
        description="Who belongs to the room. In a public room others may read and write, too.",
    ),
    Operation("GET", "rooms/{room}/presence", "show_presence", "See who is there", presence, answers={200: People}),
    Operation(
        "GET", "token", "show_token", "Ask what the token may", token, answers={200: TokenFacts}, needs="any",
        description="To check that a token holds, and in which rooms.",
    ),
)  # fmt: skip
