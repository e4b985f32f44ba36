"""Examples for the documentation, as they stand in JSON. A test holds them to the Structs."""

from typing import Any

TEXT = "Order 7 shipped"
_ID = "019ab5e1-7d51-7000-8c3f-5f0d6c0b1a2e"
_AT = "2026-11-22T06:15:02.481930Z"

#: What stands for the parameters of paths: description, schema, example.
PARAMETERS: dict[str, dict[str, Any]] = {
    "room": {
        "description": "The name of a room, in any spelling that means the same.",
        "schema": {"type": "string", "pattern": "^[^/]+$"},
        "example": "newbox",
    },
    "seq": {
        "description": "The number of a message, as people see it.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
        "example": 42,
    },
    "id": {
        "description": "The id of a message that waits for its time.",
        "schema": {"type": "string", "pattern": "^[^/]+$"},
        "example": _ID,
    },
    "secret": {
        "description": "The hook: chat_token create with --hook prints the whole address.",
        "schema": {"type": "string", "pattern": "^[^/]+$"},
        "example": "rl_ID_SECRET",
    },
}

_message = {
    "type": "message", "room": "newbox", "id": _ID, "seq": 42, "rev": 57, "kind": "message", "message": TEXT,
    "username": "shop", "author": {"type": "token", "id": "k3m9x2p4q7ra", "name": "shop"},
    "title": None, "priority": 3, "tags": [], "format": "text", "url": None, "reply_to": None, "mentions": [],
    "slot": None, "client_id": "order-7", "source": "http", "created_at": _AT, "edited_at": None, "expires_at": None,
    "deleted": False,
}  # fmt: skip
_answer = {"status": "sent", "live": "pushed", "delivered": None, "seen": None, "message": _message}
_appointed = {
    "status": "scheduled", "id": _ID, "room": "newbox", "at": _AT, "message": _message | {"seq": 0, "rev": 0},
}  # fmt: skip
_room = {
    "name": "newbox", "key": "newbox", "title": "The new box", "topic": "", "private": False, "announce_only": False,
    "archived": False, "head": 57, "floor": 0, "last_seq": 42, "epoch": "6f1c0a4e9b7d4c0f8e2a5d3b1c9f7e60",
    "members": 3, "can_post": True, "created_at": _AT,
}  # fmt: skip

#: By the name of the Struct.
EXAMPLES: dict[str, Any] = {
    "NewMessage": {"message": "Disk 91 % full", "kind": "notice", "title": "db1", "priority": 4, "tags": ["disk"]},
    "NewMessages": {
        "messages": [
            {"room": "newbox", "message": TEXT, "key": "order-7"},
            {"room": "ops", "message": TEXT, "key": "order-7"},
        ]
    },
    "Revision": {"message": "Order 7 shipped, 3 parcels"},
    "HookMessage": {"text": "Build 118 passed", "username": "CI"},
    "Answer": _answer,
    "Answers": {"answers": [_answer]},
    "Appointed": _appointed,
    "AllAppointed": {"answers": [_appointed]},
    "Message": _message,
    "History": {"type": "history", "room": "newbox", "messages": [_message], "more": True},
    "Events": {
        "room": "newbox", "epoch": _room["epoch"], "head": 57, "floor": 0, "gap": None, "events": [_message],
    },
    "Room": _room,
    "Rooms": {"rooms": [_room]},
    "Members": {"room": "newbox", "members": [{"name": "alice", "username": "Alice", "role": "owner"}]},
    "People": {"room": "newbox", "count": 1, "people": [{"id": "7", "name": "alice", "username": "Alice"}]},
    "TokenFacts": {
        "name": "shop", "type": "token", "rooms": ["newbox", "ops-*"], "can": ["read", "send"], "expires_at": None,
        "rate": "10/s burst 50",
    },
}  # fmt: skip
