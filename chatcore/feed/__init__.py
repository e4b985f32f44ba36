"""Following a room's log: every event once, in order, whatever rings are lost. The hub and `chat_tail` share it.

A `Lookout` is what one process hears of all its rooms; `follow` is one reader's way through one room, `replay` as
much of it as there is already.
"""

from chatcore.feed.following import PAGE, follow, replay
from chatcore.feed.lookout import Lookout

__all__ = ["PAGE", "Lookout", "follow", "replay"]
