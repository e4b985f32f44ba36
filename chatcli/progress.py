"""How far a long run is: a bar on a terminal, nothing anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chatcli.base import LocalCommand

#: Takes what is being done, how much of it is done, and how much there is.
Show = Callable[[str, int, int], None]


@contextmanager
def bar(command: LocalCommand, *, wanted: bool = True) -> Iterator[Show]:
    """Yields what shows how far it is; the bar is gone at the end."""
    if not wanted or command.quiet or not command.stderr.isatty():
        yield lambda stage, done, of: None
        return
    from chatcli.bench.bar import Bar  # it draws by rich, which takes a while to load

    with Bar(command.stderr, wanted=True, colour=command.stderr.style_func is not None) as shown:
        yield shown.show
