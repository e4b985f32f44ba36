"""`chat_send`: puts a message into a room; it is on disk when the command ends with 0."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli import server_record
from chatcli.base import LocalCommand
from chatcli.text_input import whole_stdin
from chatcli.times import seconds
from chatcore import bell, conf, history, services
from chatcore.bell import Batch
from chatcore.bell.layer import channel_layer
from chatcore.events import to_dict
from chatcore.exceptions import ChatError, RoomNotFound
from chatcore.permissions import SYSTEM, bot
from chatcore.services import Post, Posted

#: Seconds for which the bell may hold the command up.
RING_S = 1.5


class Command(LocalCommand):
    help = "Send a message to a room. Exit code 0 means that it is stored."
    examples = """\
  ./manage.py chat_send newbox "hello"
  ./manage.py chat_send newbox - < report.txt      # all of it is one message
  ./manage.py chat_send -q newbox -- "$TEXT"       # in scripts: silent
  ./manage.py chat_send newbox --as alice "hello"  # as that user
  ./manage.py chat_send ops --key build-817 "Build 817 is live" # repeatable"""
    usage = "ROOM [TEXT ... | -] [options]"
    takes_text = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM")
        parser.add_argument("text", metavar="TEXT", nargs="*", help="the message; words are joined by one blank")
        parser.add_argument("-", dest="stdin", action="store_true", help="all of standard input is the message")
        author = parser.add_mutually_exclusive_group()
        author.add_argument("--as", dest="as_user", metavar="USER", help="send as this user, with this user's rights")
        author.add_argument("--name", help="send as a bot of this name")
        parser.add_argument(
            "--kind", choices=["message", "announcement", "notice"], help="(announcement; with --as: message)"
        )
        parser.add_argument("--key", help="a repeat with the same key is stored once; kept 7 days")
        parser.add_argument("--create", action="store_true", help="create the room if there is none")
        parser.add_argument(
            "--timeout", type=seconds, default=10.0, metavar="S", help="wait at most so long for the database (10)"
        )
        super().add_arguments(parser)

    def handle(
        self,
        *args: Any,
        room: str,
        text: list[str],
        stdin: bool,
        as_user: str | None,
        name: str | None,
        kind: str | None,
        key: str | None,
        create: bool,
        timeout: float,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        body = message_text(text, stdin)
        actor = history.user_named(as_user) if as_user is not None else SYSTEM if name is None else bot(name)
        kind = kind or ("announcement" if as_user is None else "message")
        post = Post(room, body, actor, kind, source="cli", key=key, key_scope="cli")
        posted, rung = send(post, create, timeout)
        live = self.live(rung)
        message = posted.message
        self.report(
            f"{message.room} #{message.seq}{' (already sent)' if posted.duplicate else ''}",
            {
                "status": "duplicate" if posted.duplicate else "sent",
                "live": live,
                "delivered": None,
                "seen": None,
                "message": to_dict(message),
            },
            json=json,
            verbosity=verbosity,
        )

    def live(self, rung: bool) -> str:
        """How far the message has got beyond the disk."""
        runs_here = server_record.live_record() is not None
        if rung or not (runs_here or conf.settings.BROKER_SOCKET is None):  # a broker of all machines, or of this one
            return "pushed" if runs_here else "none"
        self.warn("stored, but the live layer does not answer: open pages get it within seconds, through the log")
        return "deferred"


def message_text(words: Sequence[str], stdin: bool) -> str:
    """The text from where it was given. Standard input is not touched when there are words."""
    if words and stdin:
        raise CommandError(
            'the text is given twice: "-" is standard input; put -- before text that is "-"', returncode=2
        )
    return " ".join(words) if words else whole_stdin()


def send(post: Post, create: bool, timeout: float) -> tuple[Posted, bool]:
    """Store the post, in a new room if `create` allows it; whether everybody was rung."""
    if bell.configured():
        with suppress(Exception):  # ringing meets it again, and says so
            channel_layer()  # loading it takes longer than delivering: before the message has its time, not after
    rung: list[bool] = []

    def ring(batches: Sequence[Batch]) -> None:
        rung.append(bell.ring(batches, wait=RING_S))

    (result,) = services.post_messages([post], announce=ring, timeout=timeout)
    if create and isinstance(result, RoomNotFound):
        services.create_room(post.room, existing="keep", actor=post.actor, timeout=timeout)
        (result,) = services.post_messages([post], announce=ring, timeout=timeout)
    if isinstance(result, ChatError):
        raise result
    return result, all(rung)
