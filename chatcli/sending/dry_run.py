"""`--dry-run`: what the services would check, on what is there now, without a lock and without a write."""

from collections.abc import Sequence

from chatcli.base import LocalCommand
from chatcli.sending.answers import described
from chatcli.sending.options import Options
from chatcli.sending.posts import looks_of
from chatcore.actors import Actor
from chatcore.events import Message
from chatcore.services import Post
from chatcore.services.trial import checked_delete, checked_edit, checked_posts

STATUS = "dry-run"


def report_posts(command: LocalCommand, options: Options, posts: Sequence[Post]) -> None:
    """One line a room, once all of them would take it."""
    for message in checked_posts(posts, options.create):
        _report(command, options, message, f"{message.room} (dry run: nothing is sent)")


def report_edit(command: LocalCommand, options: Options, author: Actor, text: str) -> None:
    """As `edit_message` checks it."""
    message = checked_edit(options.room or "", options.edit or 0, text, author, looks_of(options))
    _report(command, options, message, f"{message.room} #{message.seq} (dry run: nothing is edited)")


def report_delete(command: LocalCommand, options: Options, author: Actor) -> None:
    """As `delete_message` checks it."""
    message = checked_delete(options.room or "", options.delete or 0, author)
    _report(command, options, message, f"{message.room} #{message.seq} (dry run: nothing is deleted)")


def _report(command: LocalCommand, options: Options, message: Message, line: str) -> None:
    command.report(line, described(STATUS, message), json=options.json, verbosity=options.verbosity)
