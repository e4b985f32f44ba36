"""In which form events are shown: text, JSON, a line of the user's own, or none."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chatcli import handler, render, template
from chatcli.console import Console
from chatcli.handler import Handler
from chatcli.render import Records
from chatcli.tail.sinks import Handling, Nowhere, Printing, Sink
from chatcli.template import Template
from chatcli.times import caller_zone
from chatcore.events import encode
from chatcore.exceptions import BadRequest


def add_arguments(parser: ArgumentParser) -> None:
    """The options that `sink` takes."""
    form = parser.add_argument_group("how it is shown")
    form.add_argument("-o", "--output", choices=("text", "json"), help="the form (text); json is the same as --json")
    template.add_arguments(form)
    render.add_arguments(form)
    handler.add_arguments(parser)


def sink(
    console: Console,
    talk: Callable[[str], None],
    *,
    quiet: bool,
    json: bool,
    output: str | None,
    template: str | None,
    exec_command: str | None,
    exec_retries: int,
    timestamps: str | None,
    utc: bool,
    prefix: bool,
    **_: Any,
) -> Sink:
    """Where events go. BadRequest for forms that exclude each other."""
    json = json or output == "json"
    given = {"--json": json, "-o text": output == "text", "--template": template is not None}
    forms = [form for form, is_given in given.items() if is_given]
    if len(forms) > 1:
        raise BadRequest(f"{' and '.join(forms)}: choose one")
    if exec_command is not None:
        if forms:
            raise BadRequest(f"--exec prints nothing itself: leave out {forms[0]}")
        return Handling(Handler(exec_command, exec_retries), talk)
    if quiet:
        return Nowhere()
    if json:
        return _json_lines(console)
    zone = UTC if utc else caller_zone()
    stamps = timestamps or ("short" if console.is_terminal else "iso")
    records = Records(zone, timestamps=stamps, today=datetime.now(zone).date(), prefix=prefix)
    return _text(console, records) if template is None else _lines(console, records, Template(template, zone))


def _json_lines(console: Console) -> Printing:
    """The message objects."""
    return Printing(
        lambda shown: console.json_lines([payload for payload, _ in shown]),
        lambda item: console.json(encode(item)),
        decoded=False,
    )


def _text(console: Console, records: Records) -> Printing:
    """Records for people."""
    return Printing(
        lambda shown: console.records([line for _, event in shown if event for line in records.lines(event)]),
        lambda item: console.records(records.lines(item)),
        decoded=True,
    )


def _lines(console: Console, records: Records, template: Template) -> Printing:
    """A line of the user's form for each event; what is no event is a record."""
    return Printing(
        lambda shown: console.records([[(template.line(event), "")] for _, event in shown if event]),
        lambda item: console.records(records.lines(item)),
        decoded=True,
    )
