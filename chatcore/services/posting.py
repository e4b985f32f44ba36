"""Posting: many messages into any rooms in one durable transaction, then a ring."""

import time
from collections.abc import Callable, Sequence

from django.db import DataError, IntegrityError, transaction

from chatcore import bell, conf, signals
from chatcore.events import Message
from chatcore.exceptions import BadRequest, ChatError
from chatcore.history import standings
from chatcore.names import room_key
from chatcore.services.locking import lock_rooms
from chatcore.services.log import Log
from chatcore.services.posts import Post, Posted
from chatcore.services.transaction import Announce, writing

#: What is called with the messages that are new, once they are committed.
Tell = Callable[[Sequence[Message]], object]


def post_messages(
    posts: Sequence[Post],
    *,
    together: bool = False,
    announce: Announce = bell.ring,
    tell: Tell = signals.tell,
    timeout: float = 5.0,
) -> list[Posted | ChatError]:
    """Store the posts in one durable transaction, in order, then ring.

    A post that is refused has its ChatError in the result, the others are stored; with `together`, the first
    refusal is raised, with its `index`, and nothing is stored. `tell` gets the new messages after the commit, if
    anybody listens to `message_posted`. Waits at most `timeout` seconds for other writers, then Unavailable.
    """
    if not posts:
        return []
    deadline = time.monotonic() + timeout
    try:
        results = _post(posts, together, announce, timeout)
    except (DataError, IntegrityError) as error:
        if together or len(posts) == 1:
            reason = str(error).partition("\n")[0]
            raise BadRequest(f"the database refuses this message ({reason})") from error
        return [_post_alone(post, announce, tell, deadline) for post in posts]
    if signals.message_posted.has_listeners():
        transaction.on_commit(lambda: tell(_new(results)), using=conf.settings.DATABASE)  # at once, where there is none
    return results


def _new(results: Sequence[Posted | ChatError]) -> list[Message]:
    return [
        found.message
        for found in results
        if isinstance(found, Posted) and isinstance(found.message, Message) and found.outcome == "sent"
    ]


def _post_alone(post: Post, announce: Announce, tell: Tell, deadline: float) -> Posted | ChatError:
    """One of a batch that the database refused: a bad one fails alone."""
    try:
        return post_messages([post], announce=announce, tell=tell, timeout=deadline - time.monotonic())[0]
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
        for index, post in enumerate(posts):
            try:
                results.append(log.append(post, standing_of))
            except ChatError as error:
                if together:
                    error.index = index
                    raise
                results.append(error)
        log.save()
        batches.extend(log.batches())
    return results
