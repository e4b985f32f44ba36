"""Whom the clients are: people of their own for a while, or people who are there."""

from collections.abc import Callable, Sequence

from chatcore.actors import Actor
from chatcore.database import DatabaseThread
from chatcore.exceptions import ChatError, Forbidden, RoomNotFound
from chatcore.history import RoomView, standings, user_named
from chatcore.permissions import check_post
from chatcore.services.sessions import (
    create_temporary_users,
    remove_temporary_users,
    sign_in,
    sign_out,
)

#: Accounts that are made in one transaction: others write in between.
_AT_ONCE = 100
#: Somebody who belongs to no room.
_ANYBODY = Actor("user", "0", "chat-bench", "chat-bench")
_HINT = "take another room (./manage.py create_room bench), or name people who may by --as USER"


def check_people(room: RoomView, names: Sequence[str]) -> None:
    """Forbidden unless these people, or anybody if there are no names, may write in the room. UserNotFound."""
    people = [user_named(name) for name in names] or [_ANYBODY]
    found = standings([(room.id, person) for person in people])
    for person in people:
        who = "temporary accounts are" if person is _ANYBODY else f"{person.name} is"
        try:
            check_post(person, room, found[room.id, person.id])
        except RoomNotFound:
            raise Forbidden(f"room {room.name} is private, and {who} no member: {_HINT}") from None
        except ChatError as error:
            hint = "take another room: ./manage.py create_room bench" if room.archived else _HINT
            raise Forbidden(f"{error.detail}; {hint}") from error


class People:
    """Accounts and sessions, from when they are asked for until they are dismissed."""

    def __init__(self, count: int, names: Sequence[str]) -> None:
        """As many temporary accounts, unless there are names."""
        self._count, self._names = count, names
        self._database = DatabaseThread("bench")

    async def clear(self) -> int:
        """Remove the temporary accounts that a killed run has left; how many."""
        return await self._database.run(remove_temporary_users)

    async def invite(self, here: Callable[[int], None]) -> list[str]:
        """The Cookie header of each; `here` is told how many there are so far. NoTemporaryUsers, UserNotFound."""
        if self._names:
            return await self._database.run(sign_in, self._names)
        cookies: list[str] = []
        for start in range(0, self._count, _AT_ONCE):
            numbers = range(start + 1, min(start + _AT_ONCE, self._count) + 1)
            cookies += await self._database.run(create_temporary_users, numbers)
            here(len(cookies))
        return cookies

    async def dismiss(self) -> None:
        """End the sessions, remove the temporary accounts."""
        if self._names:
            await self._database.run(sign_out, self._names)
        else:
            await self._database.run(remove_temporary_users)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
