"""The bell: telling other processes through the channel layer that a room's log has grown.

A ring may be lost, late or foreign; nobody relies on it for anything but speed. Nothing here touches the database.
"""

from chatcore.bell.layer import Batch, configured
from chatcore.bell.listening import Listener
from chatcore.bell.ringing import Bell, nudge, ring

__all__ = ["Batch", "Bell", "Listener", "configured", "nudge", "ring"]
