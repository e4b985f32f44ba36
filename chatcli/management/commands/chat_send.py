"""`chat_send`: puts a message into a room; it is on disk when the command ends with 0."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.base import LocalCommand
from chatcli.sending.conflicts import refuse_conflicts
from chatcli.sending.options import EXAMPLES, NOTES, Options, add_options
from chatcli.sending.single import post_one
from chatcli.sending.texts import text_of


class Command(LocalCommand):
    help = "Send a message to a room. Exit code 0 means that it is stored."
    examples = EXAMPLES
    notes = NOTES
    usage = "ROOM [TEXT ... | - | --file PATH | --lines | --jsonl] [options]"
    takes_text = True
    takes_room_list = True
    #: `--schema` touches no data, and so does not ask whose it is.
    _touches_data = True

    def add_arguments(self, parser: CommandParser) -> None:
        add_options(parser)
        super().add_arguments(parser)

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._touches_data = not options.get("schema")
        if not options.get("job"):
            return super().execute(*args, **options)
        if self._parser is not None:
            self._parser.convert(options)
        refuse_conflicts(Options(**options))  # wrong usage is all that keeps a job from running
        from chatcli.job.reporting import run_and_report

        send = super().execute
        run_and_report(self, options, lambda message: send(*args, **message))
        return None

    def refuse_foreign_data(self) -> None:
        if self._touches_data:
            super().refuse_foreign_data()

    def handle(self, *args: Any, **values: Any) -> None:
        """What the options ask for; each way of sending is loaded when it is taken."""
        options = Options(**values)
        refuse_conflicts(options)
        if options.schema:
            from chatcli.sending import schema

            schema.report(self, options)
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
