"""What a server writes: lanes of group commit, each room in one of them, and read marks beside them."""

from chatcore.writer.writer import Writer

__all__ = ["Writer"]
