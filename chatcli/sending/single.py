"""One text, into one room or into several at once."""

import time
from typing import Any

from chatcli.base import LocalCommand
from chatcli.sending.answers import answer
from chatcli.sending.options import Options
from chatcli.sending.posts import author_of, longest_text, posts_for
from chatcli.sending.storing import Ring, live, post_together, retrying, spend
from chatcli.sending.texts import truncated
from chatcore.actors import Actor
from chatcore.exceptions import RoomNotFound
from chatcore.services import Post, Posted


def post_one(command: LocalCommand, options: Options, text: str, **changes: Any) -> None:
    """Post the text as the options say, wait as they say, and report each room.

    `changes` are fields of a Post that win over the command line's. Raises ChatError when nothing was stored,
    CommandError (124) when it was, but has not got as far as was to be waited for.
    """
    author = author_of(options)
    if options.truncate:
        text = truncated(text, _shortest_limit(options, author))
    posts = posts_for(options, author, text, **changes)
    if options.dry_run:
        from chatcli.sending.dry_run import report_posts

        return report_posts(command, options, posts)
    if options.at is not None or options.delay is not None:
        from chatcli.sending.appointments import schedule

        return schedule(command, options, posts)
    return _post_now(command, options, posts)


def _post_now(command: LocalCommand, options: Options, posts: list[Post]) -> None:
    until = time.monotonic() + options.timeout
    retrying(lambda _: spend(posts[0].actor, len(posts)), options.retry, until=until, repeatable=True)
    ring = Ring()
    stored = post_together(posts, options, ring, until=until)
    far = live(command, ring.rung)
    if options.wait is not None:
        from chatcli.sending.waiting import report_when_there

        return report_when_there(command, options, options.wait, stored, far, until=until)
    for posted in stored:
        report(command, options, posted, far)
    return None


def report(command: LocalCommand, options: Options, posted: Posted, far: str, **reached: int | None) -> None:
    """A line of output for one room."""
    line, content = answer(status_of(posted, options), posted.message, far, **reached)
    command.report(line, content, json=options.json, verbosity=options.verbosity)


def status_of(posted: Posted, options: Options) -> str:
    """What became of it. That an earlier try of this very command has stored it is nobody's business."""
    ours = options.key is None and options.slot is None
    return "sent" if ours and posted.outcome == "duplicate" else posted.outcome


def _shortest_limit(options: Options, author: Actor) -> int:
    """The limit that the text must keep to be taken by all the rooms."""
    from chatcli.sending.posts import rooms_of
    from chatcore import conf, history

    limits = []
    for name in rooms_of(options, author):
        try:
            limits.append(longest_text(history.room_named(name, author)))
        except RoomNotFound:
            limits.append(conf.settings.MAX_LENGTH)  # posting says so, or makes the room
    return min(limits)
