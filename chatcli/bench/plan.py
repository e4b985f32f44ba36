"""What a run is to do. Pure."""

from dataclasses import dataclass

_TEXT_LENGTH = 60


@dataclass(frozen=True)
class Plan:
    """What is to be done. Without a rate, the next message is sent when one has been answered."""

    clients: int
    messages: int
    rate: float | None
    longest: int  # characters of a message in this room

    def text(self, number: int) -> str:
        """The message of this number, from 0."""
        return f"chat_bench: message {number + 1} of {self.messages} ".ljust(_TEXT_LENGTH, ".")[: self.longest]
