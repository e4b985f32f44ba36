"""Group commit: what comes while a batch is being committed is the next batch; everybody is told once, in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import pairwise

import pytest

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.bell import Batch
from chatcore.exceptions import ChatError, Forbidden, Unavailable
from chatcore.history import RoomView
from chatcore.models import ReadMark
from chatcore.services import Post, Posted
from chatcore.writer import Writer
from tests.integration.keeping import locked
from tests.integration.sockets import elsewhere
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)


class Told:
    """A writer, whom it told what, and what it announced."""

    def __init__(self) -> None:
        self.announced: list[Sequence[Batch]] = []
        self.outcomes: dict[str, Posted | ChatError] = {}
        self.writer = Writer(self._announce)

    def _announce(self, batches: Sequence[Batch]) -> None:
        if batches:
            self.announced.append(batches)

    def post(self, text: str, room: str = "newbox") -> None:
        self.writer.post(Post(room, text), partial(self._tell, text))

    def _tell(self, text: str, outcome: Posted | ChatError) -> None:
        assert text not in self.outcomes
        self.outcomes[text] = outcome

    async def until_told(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.outcomes) < count:  # noqa: ASYNC110  the writer tells by callback
                await asyncio.sleep(0.005)

    def seqs(self) -> list[int]:
        return [outcome.message.seq for outcome in self.outcomes.values() if isinstance(outcome, Posted)]


def with_writer(check: Callable[[Told], Awaitable[None]]) -> Told:
    async def run() -> Told:
        told = Told()
        try:
            await check(told)
        finally:
            await told.writer.close()
        return told

    return asyncio.run(run())


def test_what_gathers_during_a_commit_is_one_batch_and_keeps_its_order(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        with locked():
            for number in range(300):
                told.post(str(number))
                await asyncio.sleep(0)
        await told.until_told(300)

    told = with_writer(check)
    assert told.seqs() == list(range(1, 301))
    assert [int(text) for text in told.outcomes] == list(range(300))
    assert len(told.announced) <= 4, "one, then as many as fit, then the rest"
    heads = [(batch.prev, batch.head) for batches in told.announced for batch in batches]
    assert heads[0][0] == 0
    assert heads[-1][1] == 300
    assert all(one[1] == other[0] for one, other in pairwise(heads))


def test_a_refused_post_is_told_so_and_the_others_are_stored(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        for text in ("a", "", "b"):
            told.post(text)
        told.post("c", "nowhere")
        await told.until_told(4)

    told = with_writer(check)
    assert told.seqs() == [1, 2]
    refusals = {text: outcome.code for text, outcome in told.outcomes.items() if isinstance(outcome, ChatError)}
    assert refusals == {"": "empty", "c": "not_found"}


def test_a_listener_that_fails_keeps_nobody_else_from_being_told(newbox: RoomView) -> None:
    def fail(_: Posted | ChatError) -> None:
        raise RuntimeError("a bug")

    async def check(told: Told) -> None:
        told.writer.post(Post("newbox", "first"), fail)
        told.post("second")
        await told.until_told(1)
        told.post("third")
        await told.until_told(2)

    assert with_writer(check).seqs() == [2, 3]


def test_more_than_can_wait_is_refused_at_once(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        with locked():
            for number in range(10_002):
                told.post(str(number))
            assert set(told.outcomes) == {"10000", "10001"}
            assert all(isinstance(outcome, Unavailable) for outcome in told.outcomes.values())
        await told.until_told(10_002)

    told = with_writer(check)
    assert told.seqs() == list(range(1, 10_001))


@pytest.mark.slow
def test_what_has_waited_five_seconds_is_refused_and_not_stored_later(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        with locked():
            told.post("in the batch")
            await asyncio.sleep(0.05)
            told.post("behind it")
            await told.until_told(2)
        told.post("afterwards")
        await told.until_told(3)

    told = with_writer(check)
    assert [type(outcome) for outcome in told.outcomes.values()] == [Unavailable, Unavailable, Posted]
    assert [message.message for message in history.messages_after(newbox.id, 0, 10)] == ["afterwards"]


def test_closing_stores_what_waits(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        for number in range(3):
            told.post(str(number))
        await told.until_told(3)
        for number in range(3, 600):
            told.post(str(number))
        told.writer.mark_read(newbox.id, "7", 3)
        told.writer.mark_read(newbox.id, "7", 2)

    told = with_writer(check)
    assert told.seqs() == list(range(1, 601))
    assert ReadMark.objects.get().seq == 3


def test_edits_and_posts_are_written_in_the_order_they_were_asked_for(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        told.post("a")
        await told.until_told(1)
        edit = await told.writer.run(services.edit_message, "newbox", 1, "A", SYSTEM)
        assert edit.rev == 2
        deleting = asyncio.create_task(told.writer.run(services.delete_message, "newbox", 1, SYSTEM))
        await asyncio.sleep(0)
        told.post("b")
        assert (await deleting).rev == 3
        with pytest.raises(Forbidden):
            await told.writer.run(services.delete_message, "newbox", 1, SYSTEM)
        await told.until_told(2)

    told = with_writer(check)
    assert [(batch.prev, batch.head) for batches in told.announced for batch in batches] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
    ]


def test_other_programs_posts_come_in_between(newbox: RoomView) -> None:
    async def check(told: Told) -> None:
        for number in range(30):
            told.post(f"ours {number}")
            await elsewhere(services.post_messages, [Post("newbox", f"theirs {number}")])
        await told.until_told(30)

    with_writer(check)
    messages = history.messages_after(newbox.id, 0, 100)
    assert [message.seq for message in messages] == list(range(1, 61))
