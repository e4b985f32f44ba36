"""The tables: rooms, the log of each (messages and changes), who belongs to what. Fields and constraints only."""

from chatcore.models.log import Change, Message
from chatcore.models.people import Membership, ReadMark, Sanction
from chatcore.models.presence import Lease, Presence
from chatcore.models.receipts import Answer, Inquiry
from chatcore.models.room import Room, new_epoch
from chatcore.models.scheduled import Scheduled
from chatcore.models.tokens import Token

__all__ = [
    "Answer",
    "Change",
    "Inquiry",
    "Lease",
    "Membership",
    "Message",
    "Presence",
    "ReadMark",
    "Room",
    "Sanction",
    "Scheduled",
    "Token",
    "new_epoch",
]
