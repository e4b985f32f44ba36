"""Lists: columns on a terminal, as wide as it is; in a pipe whole values with tabs between, no headline; JSON lines."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeVar

import msgspec

from chatcli.base import LocalCommand
from chatcli.times import caller_zone

T = TypeVar("T")

#: What a cell may hold. Numbers stand right, None is an empty cell, True is `yes` and False `no`.
Cell = str | int | datetime | None


def show(
    command: LocalCommand,
    things: Sequence[T],
    *,
    columns: Mapping[str, Callable[[T], Cell]],
    answer: Callable[[T], Mapping[str, Any]],
    json: bool,
    empty: str,
) -> None:
    """A line for each thing: its cells under their headlines, or its `answer` as JSON. `empty`: what to say of none."""
    if command.quiet:
        return
    if not things:
        command.stderr.write(empty, str)
    elif json:
        command.console.json_lines([msgspec.json.encode(answer(thing)) for thing in things])
    else:
        _show_cells(command, list(columns), [[read(thing) for read in columns.values()] for thing in things])


def show_facts(command: LocalCommand, facts: Mapping[str, Cell], answer: Mapping[str, Any], *, json: bool) -> None:
    """One thing: a line for each fact about it, whole; or `answer` as JSON."""
    if command.quiet:
        return
    console, time_of = command.console, _time_of(command)
    if json:
        console.json(msgspec.json.encode(answer))
    elif console.is_terminal:
        width = max(map(len, facts)) + 2
        console.records([[(f"{name:{width}}", "dim"), (_text(fact, time_of), "")] for name, fact in facts.items()])
    else:
        rows = [[name, _text(fact, time_of)] for name, fact in facts.items()]
        console.table(["", ""], rows, numeric=[False, False], whole=[False, False])


def _show_cells(command: LocalCommand, headlines: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    console, time_of = command.console, _time_of(command)
    texts = [[_text(cell, time_of) for cell in row] for row in rows]
    columns = list(zip(*rows, strict=True))
    numeric = [all(isinstance(cell, int) for cell in column) for column in columns]
    whole = [any(isinstance(cell, int | datetime) for cell in column) for column in columns]
    console.table(headlines, texts, numeric=numeric, whole=whole)


def _time_of(command: LocalCommand) -> Callable[[datetime], str]:
    zone = caller_zone()
    return _short(zone) if command.stdout.isatty() else _exact(zone)


def _short(zone: tzinfo) -> Callable[[datetime], str]:
    return lambda moment: moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _exact(zone: tzinfo) -> Callable[[datetime], str]:
    return lambda moment: moment.astimezone(zone).isoformat(timespec="seconds")


def _text(cell: Cell, time_of: Callable[[datetime], str]) -> str:
    if isinstance(cell, datetime):
        return time_of(cell)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
