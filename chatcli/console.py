"""Writes to one stream of a command. The only place that knows rich, and where untrusted text is made safe."""

import io
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from chatcli.process import OutputLost

if TYPE_CHECKING:
    import rich.console

    from chatcli.talk import Stream

#: A piece of a line, and how it looks where there are colours (a style of rich, or nothing).
Span = tuple[str, str]

#: A column of text is never made narrower than this.
_NARROWEST = 6
#: Before each line of a record but its first, so that no text can pass for another record.
INDENT = "    "

# C0 but \n and \t, DEL, C1, the line and paragraph separators, what turns the direction of writing, surrogates
# Patterns are compiled when they are needed first, which most commands never do: all that they find is unprintable
_UNSAFE = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_UNSAFE_OR_BREAK = f"{_UNSAFE}|[\n\t]"
_UNSAFE_IN_JSON = "[\x7f-\x9f\u2028-\u202e\u2066-\u2069]"  # JSON escapes the others itself
_NOT_ASCII = "[^\x00-\x7e]"


def plain(text: str) -> str:
    """`text` with everything that could move a cursor, colour a terminal or turn the writing shown as an escape."""
    return text if text.isprintable() else re.sub(_UNSAFE, _escaped, text)


def one_line(text: str) -> str:
    """`plain(text)` without line breaks and tabs: for names and titles, and for errors."""
    return text if text.isprintable() else re.sub(_UNSAFE_OR_BREAK, _escaped, text)


def safe_json(payload: bytes, *, ascii_only: bool = False) -> str:
    """The same JSON, with escapes for what JSON lets pass and a terminal does not."""
    text = payload.decode()
    if payload.isascii() and "\x7f" not in text:
        return text  # what is left of the unsafe below DEL, JSON escapes itself
    return re.sub(_NOT_ASCII if ascii_only else _UNSAFE_IN_JSON, _json_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _indented(spans: Sequence[Span]) -> str:
    return "".join(text for text, _ in spans).replace("\n", "\n" + INDENT)


def _columns(rows: Sequence[Sequence[str]], numeric: Sequence[bool], whole: Sequence[bool]) -> list[str]:
    """Lines as wide as the terminal at most: text loses its end, the longest column first; numbers and times do not."""
    import shutil

    import rich.cells

    width = shutil.get_terminal_size().columns
    widths = [max(map(rich.cells.cell_len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * len(widths) - 2 > width:
        longest = max((place for place in range(len(widths)) if not whole[place]), key=widths.__getitem__, default=0)
        if whole[longest] or widths[longest] <= _NARROWEST:
            return _stacked(rows, width)
        widths[longest] -= 1
    return ["  ".join(map(_fitted, row, widths, numeric)).rstrip() for row in rows]


def _stacked(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """For a terminal too narrow for columns: a line for each cell that is not empty, and one between two rows."""
    headlines, *records = rows
    first = max(map(len, headlines))
    lines: list[str] = []
    for record in records:
        cells = [(headline, cell) for headline, cell in zip(headlines, record, strict=True) if cell]
        lines += [_fitted(f"{headline:{first}}  {cell}", width, False).rstrip() for headline, cell in cells] + [""]
    return lines[:-1]


def _fitted(text: str, width: int, right: bool) -> str:
    """The text, exactly so wide."""
    import rich.cells

    left = width - rich.cells.cell_len(text)
    if left < 0:
        return f"{rich.cells.set_cell_size(text, width - 1)}…"
    return " " * left + text if right else text + " " * left


class Console:
    """One stream. Each call writes whole lines and flushes them; OutputLost when that fails."""

    def __init__(self, stream: "Stream", *, colour: bool) -> None:
        """`colour`: whether this stream gets any."""
        self._stream = stream
        self._colour = colour
        self.is_terminal = stream.isatty()

    def line(self, text: str) -> None:
        """One line."""
        self._write([one_line(text)])

    def json(self, payload: bytes) -> None:
        """One line of JSON. What JSON lets pass and a terminal does not is escaped; it stays the same JSON."""
        self.json_lines([payload])

    def json_lines(self, payloads: Sequence[bytes]) -> None:
        """Lines of JSON as `json` writes them, all at once."""
        encoding = (getattr(self._stream, "encoding", None) or "utf-8").lower()
        if payloads:
            self._write([safe_json(b"\n".join(payloads), ascii_only=not encoding.startswith("utf"))])

    def record(self, spans: Sequence[Span]) -> None:
        """One record; its further lines are indented, on a terminal also those that its width makes."""
        self.records([spans])

    def records(self, records: Sequence[Sequence[Span]]) -> None:
        """Records as `record` writes them, all at once."""
        shown = self._drawn if self.is_terminal or self._colour else _indented
        self._write([shown([(plain(text), style) for text, style in spans]) for spans in records])

    def table(
        self,
        headlines: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        numeric: Sequence[bool],
        whole: Sequence[bool],
    ) -> None:
        """Rows of cells: on a terminal columns, `numeric` ones to the right, `whole` ones never cut; else lines with
        tabs, and no headlines."""
        cells = [[one_line(cell) for cell in row] for row in rows]
        if self.is_terminal:
            self._write(_columns([headlines, *cells], numeric, whole))
        else:
            self._write(["\t".join(row) for row in cells])

    def _drawn(self, spans: Sequence[Span]) -> str:
        """As rich draws it, without markup and highlighting."""
        import rich.text

        width = max(20, self._artist.width - len(INDENT))
        lines = rich.text.Text.assemble(*spans).wrap(self._artist, width, overflow="fold")
        with self._artist.capture() as drawn:
            self._artist.print(rich.text.Text("\n" + INDENT).join(lines), soft_wrap=True, end="")
        return drawn.get()

    @cached_property
    def _artist(self) -> "rich.console.Console":
        import rich.console

        return rich.console.Console(
            file=io.StringIO(),  # and not the stream, which is Django's and adds line ends to whatever it is given
            width=None if self.is_terminal else 2**16,  # what goes to a file is not folded
            force_terminal=self._colour,
            color_system="standard" if self._colour else None,
        )

    def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise OutputLost(error) from error


def _json_escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
