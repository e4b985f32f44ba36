"""Short ways to write in tests: say something, expect a refusal, keep what was rung."""

from collections.abc import Sequence

from chatcore import events, services
from chatcore.actors import SYSTEM, Actor
from chatcore.bell import Batch
from chatcore.exceptions import ChatError
from chatcore.models import Message
from chatcore.services import Post, Posted


def posted(result: Posted | ChatError) -> events.Message:
    """The message of a post that must have been stored."""
    assert isinstance(result, Posted), result
    assert isinstance(result.message, events.Message)
    return result.message


def say(room: str, *texts: str, actor: Actor = SYSTEM) -> list[events.Message]:
    """Post the texts in one batch."""
    return [posted(result) for result in services.post_messages([Post(room, text, actor) for text in texts])]


def refusal(post: Post) -> ChatError:
    """Why this post is refused; nothing of it is stored."""
    before = Message.objects.count()
    (result,) = services.post_messages([post])
    assert isinstance(result, ChatError), result
    assert Message.objects.count() == before
    return result


class Rung(list[Batch]):
    """An `announce` that keeps what it was given, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __call__(self, batches: Sequence[Batch]) -> None:
        self.calls += 1
        self.extend(batches)
