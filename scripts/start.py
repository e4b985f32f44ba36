"""What `make run` starts: pending migrations, the first room, the server. One process, so that the modules load once.

usage: start.py [ADDRPORT]
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import manage  # noqa: E402  needs the line above

manage.prepare()
manage.run(["migrate", "--verbosity", "0", "--skip-checks"])  # runchat makes the checks
manage.run(["create_room", "newbox", "--if-not-exists", "--quiet"])
manage.run(["runchat", *sys.argv[1:]])
