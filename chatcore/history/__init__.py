"""Reads of the log, of the rooms and of who is what in them, by number and never by offset. Nothing here writes.

What only servers ask for is in modules of its own, which commands do not load: members, presence, room_list, search.
"""

from chatcore.history.columns import COLUMNS, client_id, described_change, html
from chatcore.history.log import (
    Head,
    Page,
    event_id,
    events_after,
    heads,
    latest_messages,
    message,
    messages_after,
    messages_before,
    messages_numbered,
    messages_since,
    standing_banner,
)
from chatcore.history.people import (
    account_names,
    existing_accounts,
    member_names,
    site_standing,
    standings,
    user_named,
    user_names,
)
from chatcore.history.receipts import deliveries, open_inquiries, readers_of
from chatcore.history.rooms import (
    Access,
    Entrance,
    RoomLog,
    RoomView,
    access,
    entrance,
    room_logs,
    room_named,
    room_names,
    rooms_for,
    unknown_room,
)

__all__ = [
    "COLUMNS",
    "Access",
    "Entrance",
    "Head",
    "Page",
    "RoomLog",
    "RoomView",
    "access",
    "account_names",
    "client_id",
    "deliveries",
    "described_change",
    "entrance",
    "event_id",
    "events_after",
    "existing_accounts",
    "heads",
    "html",
    "latest_messages",
    "member_names",
    "message",
    "messages_after",
    "messages_before",
    "messages_numbered",
    "messages_since",
    "open_inquiries",
    "readers_of",
    "room_logs",
    "room_named",
    "room_names",
    "rooms_for",
    "site_standing",
    "standing_banner",
    "standings",
    "unknown_room",
    "user_named",
    "user_names",
]
