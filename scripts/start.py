"""What `make run` starts: pending migrations, the first room, the server. One process, so that the modules load once.

usage: start.py [ADDRPORT]
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import manage  # noqa: E402  needs the line above


def main(addrport: list[str]) -> None:
    manage.prepare()
    manage.run(["migrate", "--verbosity", "0", "--skip-checks"])  # runchat makes the checks
    make_first_room()
    manage.run(["runchat", *addrport])


def make_first_room() -> None:
    """Called and not run as a command line, which would leave its own signal handlers to the server."""
    from django.core.management import CommandError, call_command

    try:
        call_command("create_room", "newbox", if_not_exists=True, quiet=True)
    except CommandError as error:
        print(f"newbox: {error}", file=sys.stderr)
        sys.exit(error.returncode)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        manage.die_of_interrupt()
