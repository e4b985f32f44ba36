"""Makes what the bench runs and the tree does not hold: two C programs, and the peers of npm. Kept between runs."""

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
#: Not in git; `make clean` removes it.
BUILT = HERE / "built"
COMPILER = ("cc", "-O2", "-Wall", "-Wextra")
NPM = ("npm", "install", "--no-save", "--no-audit", "--no-fund", "--no-package-lock")
INSTALL_S = 600.0


class NotHere(Exception):
    """Something that part of the bench needs is not on this machine. The text says what."""


def program(name: str, folder: Path = BUILT) -> Path:
    """NAME.c as a program in the folder, compiled if need be. Raises NotHere."""
    source, binary = HERE / f"{name}.c", folder / name
    if binary.exists() and binary.stat().st_mtime > source.stat().st_mtime:
        return binary
    if shutil.which("cc") is None:
        raise NotHere("there is no C compiler (cc): install gcc, or clang")
    folder.mkdir(parents=True, exist_ok=True)
    compiled([*COMPILER, "-o", str(binary), str(source), "-lm"], f"{source.name} does not compile")
    return binary


def node_modules() -> Path:
    """The folder with the peers of npm, installed if need be. Raises NotHere."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise NotHere(f"{tool} is not on the PATH: install Node.js 18 or newer with npm")
    folder, wanted = BUILT / "npm", (PEERS / "package.json").read_text()
    done = folder / "installed.json"
    if not done.exists() or done.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(wanted)
        compiled([*NPM, "--prefix", str(folder)], "npm cannot install the peers")
        done.write_text(wanted)
    return folder / "node_modules"


def compiled(command: list[str], failure: str) -> None:
    """Run it to its end. Raises NotHere."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, cwd=HERE)
    except subprocess.TimeoutExpired:
        raise NotHere(f"{failure} within {INSTALL_S:g} s") from None
    if done.returncode:
        raise NotHere(f"{failure}: {' '.join((done.stderr or done.stdout).split())[:1000]}")
