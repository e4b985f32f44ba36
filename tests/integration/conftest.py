"""What tests of the domain share: people, a room, and a second connection to the database."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import pytest
from django.contrib.auth.models import User
from django.db import connections

from chatcore import services
from chatcore.actors import Actor, actor_for
from chatcore.history import RoomView
from tests.integration.sending import Pipe

P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture
def newbox() -> RoomView:
    """An empty public room; the test says which database it needs."""
    return services.create_room("newbox").room


@pytest.fixture
def people() -> dict[str, Actor]:
    """Alice, Bob and Carol have accounts; Sam is staff, Root is superuser."""
    users = [User.objects.create_user(name, first_name=name.title()) for name in ("alice", "bob", "carol")]
    users.append(User.objects.create_user("sam", is_staff=True))
    users.append(User.objects.create_user("root", is_staff=True, is_superuser=True))
    return {user.username: actor_for(user) for user in users}


class Elsewhere:
    """Another connection to the same database, in a thread of its own, as another process has it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call(*args, **kwargs)` there; its result, or what it raises."""
        return self._thread.submit(call, *args, **kwargs).result()

    def close(self) -> None:
        self(connections.close_all)
        self._thread.shutdown()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    other = Elsewhere()
    yield other
    other.close()


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """Makes bytes, fewer than a pipe holds, what standard input has."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as stdin, os.fdopen(writing, "wb") as end:
        monkeypatch.setattr("sys.stdin", stdin)

        def fill(data: bytes) -> None:
            end.write(data)
            end.close()

        yield fill
