"""How many deliveries a second, how late and for how much memory: ours and its peers in one run. `make bench-load`.

Progress goes to stderr, a Markdown document to stdout. Ends with 1 if ours lost, repeated or misplaced a message.
Needs Linux and a C compiler, and for three of the peers Node with npm, which installs them once (260 MB, beside this
file); what cannot run here is left out with the reason. Two idle cores are enough, and fewer say nothing.
"""

import argparse
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.load import building, machine, table
from tests.bench.load.chart import chart
from tests.bench.load.rows import ROWS
from tests.bench.load.runs import Plan, Results, installed, measure
from tests.bench.load.servers import SERVERS

#: For a look of some two minutes.
QUICK_ROWS = "flight8,flight1,rooms,latency200"
QUICK_SERVERS = "ours,tutorial,tutorial-pubsub,ws,uws"
#: Descriptors that are open beside the sockets.
SPARE_FILES = 200


def main(words: Sequence[str]) -> int:
    """The exit code."""
    options = parsed(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that every child is ended
    if not sys.platform.startswith("linux"):
        say("the load bench runs on Linux alone (epoll, /proc): nothing is measured")
        return 0
    results = Results()
    try:
        building.program("client")
    except building.NotHere as reason:
        say(f"the load bench measures nothing: {reason}")
        return 0
    plan = planned(options, results)
    for what, why in results.left_out.items():
        say(f"left out: {what}: {why}")
    about = machine.description(plan)
    code = 0
    try:
        measure(plan, results, say)
    except KeyboardInterrupt:
        say("interrupted: this is what there is so far")
        code = 130
    document = table.document(plan, results, about)
    print(document)  # noqa: T201
    if options.output:
        options.output.write_text(document + "\n")
    if options.chart:
        options.chart.write_text(chart(plan, results))
    for fault in results.faults:
        say(f"FAILED: {fault}")
    return 1 if results.faults else code


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    parser.add_argument("--rows", help=f"a comma list of: {', '.join(ROWS)} (all)")
    parser.add_argument("--servers", help=f"a comma list of: {', '.join(SERVERS)} (all)")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "3")), help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="that are measured in a run (%(default)s)")
    parser.add_argument(
        "--quick", action="store_true", help=f"one round of short runs of {QUICK_ROWS} on {QUICK_SERVERS}"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the Markdown goes too")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="where a picture goes (SVG)")
    options = parser.parse_args(words)
    options.rows = options.rows or (QUICK_ROWS if options.quick else ",".join(ROWS))
    options.servers = options.servers or (QUICK_SERVERS if options.quick else ",".join(SERVERS))
    for chosen, known in ((options.rows, ROWS), (options.servers, SERVERS)):
        if unknown := set(chosen.split(",")) - set(known):
            parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(known)}")
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


def planned(options: argparse.Namespace, results: Results) -> Plan:
    """What can be run here of what is asked for; the rest is noted."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = []
    for row in (ROWS[key] for key in options.rows.split(",")):
        if row.sockets + SPARE_FILES <= most:
            rows.append(row)
        else:
            results.left_out[row.title] = f"a process may have {most} open files here (ulimit -Hn)"
    servers = installed([SERVERS[key] for key in options.servers.split(",")], results)
    return Plan(rows, servers, options.rounds, options.seconds, 0.5 if options.quick else 1)


def say(text: str) -> None:
    """On stderr: stdout is the document's."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
