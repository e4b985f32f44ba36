"""Writing within somebody's transaction and outside any."""

from collections.abc import Sequence
from contextlib import suppress

import pytest
from django.db import connection, transaction

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.bell import Batch
from chatcore.history import RoomView
from chatcore.models import Message
from chatcore.services import Post
from tests.integration.conftest import Elsewhere
from tests.integration.writing import Rung, posted, say

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_post_within_a_transaction_is_announced_when_that_commits(newbox: RoomView) -> None:
    rung = Rung()
    with transaction.atomic():
        (result,) = services.post_messages([Post("newbox", "x")], announce=rung)
        assert posted(result).seq == 1
        assert rung.calls == 0
    assert (rung.calls, [batch.head for batch in rung]) == (1, [1])


def test_a_post_within_a_transaction_that_is_rolled_back_never_was(newbox: RoomView) -> None:
    rung = Rung()
    with suppress(RuntimeError), transaction.atomic():
        services.post_messages([Post("newbox", "x")], announce=rung)
        services.post_messages([Post("newbox", "y")], announce=rung)
        raise RuntimeError
    assert rung.calls == 0
    assert not Message.objects.exists()
    assert history.room_named("newbox").head == 0
    assert [message.seq for message in say("newbox", "z")] == [1]


def test_a_rolled_back_part_of_a_transaction_is_not_announced(newbox: RoomView) -> None:
    rung = Rung()
    with transaction.atomic():
        services.post_messages([Post("newbox", "kept")], announce=rung)
        with suppress(RuntimeError), transaction.atomic():
            services.post_messages([Post("newbox", "lost")], announce=rung)
            raise RuntimeError
        services.post_messages([Post("newbox", "kept too")], announce=rung)
    assert [(batch.prev, batch.head) for batch in rung] == [(0, 1), (1, 2)]
    assert [message.message for message in history.messages_after(newbox.id, 0, 9)] == ["kept", "kept too"]


def test_outside_a_transaction_it_is_durable_before_it_is_announced(newbox: RoomView, elsewhere: Elsewhere) -> None:
    seen: list[int] = []

    def look(batches: Sequence[Batch]) -> None:
        assert not connection.in_atomic_block
        seen.append(elsewhere(Message.objects.count))

    services.post_messages([Post("newbox", "x")], announce=look)
    services.edit_message("newbox", 1, "y", SYSTEM, announce=look)
    assert seen == [1, 1]


@pytest.mark.sqlite("its own settings")
def test_sqlite_waits_for_the_disk_at_each_commit(newbox: RoomView) -> None:
    with connection.cursor() as cursor:
        modes = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]
