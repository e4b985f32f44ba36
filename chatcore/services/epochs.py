"""A new epoch says to all who follow a room: do not go on by numbers, its history may be another one."""

from chatcore.history import room_named
from chatcore.models import Room, new_epoch
from chatcore.services.transaction import writing


def begin_epoch(name: str, *, timeout: float = 5.0) -> str:
    """Give the room a new epoch, which is returned: readers who come back find a gap. RoomNotFound."""
    epoch = new_epoch()
    with writing(timeout, lambda batches: None):
        Room.objects.filter(pk=room_named(name).id).update(epoch=epoch)
    return epoch
