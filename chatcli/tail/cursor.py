"""The cursor file: where a tail stands in each room, kept over its death. One tail at a time has it."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import msgspec

from chatcli.console import one_line
from chatcli.locks import try_lock
from chatcore.exceptions import BadRequest, ChatError, Unavailable


class CursorInUse(Unavailable):
    """Another process has the file."""

    code = "cursor_in_use"


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything up to the event at `rev` is done with. Its `id` and the room's `epoch` tell whether history is still
    the same; `id` is None where the event was gone already."""

    rev: Annotated[int, msgspec.Meta(ge=0)]
    id: str | None
    epoch: str


_positions = msgspec.json.Decoder(dict[str, Position])


class CursorFile:
    """A JSON object: the room's key to a Position."""

    def __init__(self, path: str) -> None:
        self._shown = one_line(path)
        self._path = Path(os.path.realpath(path))  # what replaces a link would take its place, not its target's
        self._beside = self._path.with_name(self._path.name + ".tmp")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have it alone. CursorInUse names who else has it; a ChatError when its folder cannot be written."""
        path = self._path.with_name(self._path.name + ".lock")  # the file itself is another one after each save
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            if not try_lock(descriptor, fcntl.LOCK_EX):
                holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
                by = f"process {holder}" if holder.isdecimal() else "another process"
                raise CursorInUse(f"cursor file {self._shown} is in use by {by}: end it, or name another file")
            with suppress(OSError):  # a courtesy to the next one
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(descriptor)

    def load(self) -> dict[str, Position] | None:
        """What it holds; None if there is no file. BadRequest for one that is no cursor file."""
        try:
            return _positions.decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        except (ValueError, RecursionError) as error:
            raise BadRequest(
                f"{self._shown} is no cursor file of chat_tail ({one_line(str(error))}); it was left as it is: "
                "name another file, or move it away to begin anew"
            ) from error

    def save(self, positions: Mapping[str, Position]) -> None:
        """Replace what it holds, at once or not at all. A ChatError when that fails."""
        try:
            descriptor = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
            with open(descriptor, "wb") as file:  # noqa: PTH123  of a descriptor
                file.write(msgspec.json.format(msgspec.json.encode(positions), indent=1) + b"\n")
                file.flush()
                os.fsync(descriptor)
            self._beside.replace(self._path)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ChatError:
        where = one_line(str(error.filename or ""))
        return ChatError(f"cursor file {self._shown} cannot be used: {error.strerror}: {where}")
