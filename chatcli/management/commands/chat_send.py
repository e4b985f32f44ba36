"""`chat_send`: puts a message into a room; it is on disk when the command ends with 0."""

from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.remote import connection
from chatcli.sending.conflicts import refuse_conflicts
from chatcli.sending.options import EXAMPLES, NOTES, Options, add_options
from chatcli.sending.single import post_one
from chatcli.sending.texts import text_of
from chatcore.exceptions import BadRequest, ChatError


class Command(LocalCommand):
    help = "Send a message to a room. Exit code 0 means that it is stored."
    examples = EXAMPLES
    notes = NOTES
    usage = "ROOM [TEXT ... | - | --file PATH | --lines | --jsonl] [options]"
    takes_text = True
    takes_room_list = True
    #: `--schema` and what goes through a server touch no data, and so do not ask whose it is.
    _touches_data = True

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser)
        connection.add_arguments(parser)
        super().add_arguments(parser)

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._touches_data = not any(map(options.get, ("schema", "server", "socket")))
        if not options.get("job"):
            return super().execute(*args, **options)
        if self._parser is not None:
            self._parser.convert(options)
        if options.get("stderr"):  # as Django does, but later than it may be needed
            self.stderr = OutputWrapper(options["stderr"])
        send = super().execute
        try:
            refuse_conflicts(Options(**options))  # wrong usage is all that keeps a job from running
            from chatcli.job.reporting import run_and_report

            run_and_report(self, options, lambda message: send(*args, **message))
        except ChatError as error:
            raise CommandError(one_line(str(error)), returncode=error.exit_code) from error
        return None

    def refuse_foreign_data(self) -> None:
        if self._touches_data:
            super().refuse_foreign_data()

    def handle(self, *args: Any, **values: Any) -> None:
        """What the options ask for; each way of sending is loaded when it is taken."""
        options = Options(**values)
        refuse_conflicts(options)
        if options.token_file is not None and options.server is None and options.socket is None:
            raise BadRequest("--token-file needs --server or --socket")
        if options.schema:
            from chatcli.sending import schema

            schema.report(self, options)
        elif options.server is not None or options.socket is not None:
            from chatcli.remote.sending import send

            place = connection.server_of(
                self, server=options.server, socket=options.socket, token_file=options.token_file
            )  # fmt: skip
            send(self, options, place)
        elif options.cancel is not None:
            from chatcli.sending import appointments

            appointments.cancel(self, options)
        elif options.clear or options.edit is not None or options.delete is not None:
            from chatcli.sending import changing

            changing.change(self, options)
        elif options.lines or options.jsonl:
            from chatcli.sending import bulk

            bulk.post_lines(self, options)
        else:
            post_one(self, options, text_of(options))
