"""Giving a room another name: what hangs on it hangs on the room's row, and stays."""

from django.db import IntegrityError

from chatcore.actors import Actor
from chatcore.exceptions import RoomExists
from chatcore.history import access, room_named
from chatcore.history.rooms import RoomView
from chatcore.models import Room
from chatcore.names import check_room_name, room_key
from chatcore.permissions import check_change_room
from chatcore.services.locking import lock_rooms
from chatcore.services.transaction import writing

_TAKEN = "choose another name, or rename that room first"


def rename_room(old: str, new: str, actor: Actor, *, timeout: float = 5.0) -> RoomView:
    """Call the room `old` `new` from now on, which may be the same name in another spelling.

    RoomNotFound, BadRoomName, RoomExists, Forbidden.
    """
    check_room_name(new)
    with writing(timeout, lambda batches: None):
        room, standing = access(old, actor)
        check_change_room(actor, room, standing)
        other = lock_rooms([room_key(old), room_key(new)]).get(room_key(new))
        if other is not None and other.id != room.id:
            raise RoomExists(other.name, _TAKEN)
        try:
            Room.objects.filter(pk=room.id).update(name=new, name_key=room_key(new))
        except IntegrityError as error:  # made just now, where a database has several writers
            raise RoomExists(new, _TAKEN) from error
        return room_named(new, actor)
