"""Posting: many messages into any rooms in one durable transaction, then a ring."""

import time
from collections.abc import Sequence

from django.db import DataError, IntegrityError

from chatcore import bell
from chatcore.exceptions import BadRequest, ChatError
from chatcore.history import standings
from chatcore.names import room_key
from chatcore.services.locking import lock_rooms
from chatcore.services.log import Log
from chatcore.services.posts import Post, Posted
from chatcore.services.transaction import Announce, writing


def post_messages(
    posts: Sequence[Post], *, together: bool = False, announce: Announce = bell.ring, timeout: float = 5.0
) -> list[Posted | ChatError]:
    """Store the posts in one durable transaction, in order, then ring.

    A post that is refused has its ChatError in the result, the others are stored; with `together`, the first
    refusal is raised and nothing is stored. Waits at most `timeout` seconds for other writers, then Unavailable.
    """
    if not posts:
        return []
    deadline = time.monotonic() + timeout
    try:
        return _post(posts, together, announce, timeout)
    except (DataError, IntegrityError) as error:
        if together or len(posts) == 1:
            reason = str(error).partition("\n")[0]
            raise BadRequest(f"the database refuses this message ({reason})") from error
    return [_post_alone(post, announce, deadline) for post in posts]


def _post_alone(post: Post, announce: Announce, deadline: float) -> Posted | ChatError:
    """One of a batch that the database refused: a bad one fails alone."""
    try:
        return post_messages([post], announce=announce, timeout=deadline - time.monotonic())[0]
    except ChatError as error:
        return error


def _post(posts: Sequence[Post], together: bool, announce: Announce, timeout: float) -> list[Posted | ChatError]:
    results: list[Posted | ChatError] = []
    with writing(timeout, announce) as batches:
        rooms = lock_rooms({room_key(post.room) for post in posts})
        standing_of = standings(
            (rooms[room_key(post.room)].id, post.actor) for post in posts if room_key(post.room) in rooms
        )
        log = Log(rooms, posts)
        for post in posts:
            try:
                results.append(log.append(post, standing_of))
            except ChatError as error:
                if together:
                    raise
                results.append(error)
        log.save()
        batches.extend(log.batches())
    return results
