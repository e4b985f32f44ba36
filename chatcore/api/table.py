"""All operations of the API, in the order in which they are documented. What is not here is not there."""

from chatcore.api import bulk, changing, hooks, openapi, posting, reading, rooms, streaming
from chatcore.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *posting.OPERATIONS,
    *bulk.OPERATIONS,
    *changing.OPERATIONS,
    *reading.OPERATIONS,
    *streaming.OPERATIONS,
    *rooms.OPERATIONS,
    *hooks.OPERATIONS,
    *openapi.OPERATIONS,
)
