"""`--schema`: what a message is, for programs. No room and no database is needed."""

import msgspec

from chatcli.sending.options import Options
from chatcli.talk import Talker
from chatcore import events


def report(command: Talker, options: Options) -> None:
    """The JSON Schema of a message; indented, with `--json` on one line."""
    if command.quiet:
        return
    schema = msgspec.json.encode(events.json_schema())
    if options.json:
        command.console.json(schema)
    else:
        command.console.json(msgspec.json.format(schema, indent=2))
