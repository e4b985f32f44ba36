"""All tests of faults and loads at full size, then the soak: `python -m tests.soak --minutes 20`, or `make soak`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.acceptance.site import PROJECT
from tests.soak import run


def main(argv: list[str]) -> int:
    """Run both; 1 if a test failed or a promise was broken."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.jsonl")
        env = {**os.environ, "ROOMLINE_SOAK": "10", "ROOMLINE_FIGURES": str(figures)}
        command = [sys.executable, "-m", "pytest", "-m", "fault or load", "-p", "no:cacheprovider"]
        tests = subprocess.run(command, cwd=PROJECT, env=env, check=False)
        soaked = run.main([*argv, "--figures", str(figures)])
    return 1 if tests.returncode or soaked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
