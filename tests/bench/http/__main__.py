"""What a POST, a stream and a command that goes over the network or the server's own socket cost: `make bench`.

Prints Markdown tables. The server has a core, the generator another one; peers take turns with ours in one run.
`--quick`: one short round. `posts`, `streams`, `commands`: only these parts.
"""

import argparse

from tests.bench.http import commands, posts, streams

PARTS = {"posts": posts.main, "streams": streams.main, "commands": commands.main}


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        PARTS[part](options.quick)
        print()  # noqa: T201


if __name__ == "__main__":
    main()
