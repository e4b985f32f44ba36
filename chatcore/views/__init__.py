"""The chat's pages."""

from chatcore.views.people import people
from chatcore.views.rooms import create_room, room, rooms
from chatcore.views.scripts import script
from chatcore.views.search import search

__all__ = ["create_room", "people", "room", "rooms", "script", "search"]
