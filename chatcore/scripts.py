"""The page's modules joined into one script: a page asks for one file, and the source stays small modules.

It joins, it does not compile: see docs/decisions/0010-one-script-without-a-build.md for what a module may look like.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

FOLDER = Path(__file__).parent / "static" / "chatcore"

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it is sent; `version` names its content."""

    body: bytes
    zipped: bytes
    version: str


#: The modules that pages begin with.
ENTRIES = frozenset({"moments.js", "room.js", "rooms.js", "signed_out.js"})


def script(entry: str) -> Script:
    """The module of this name with all that it imports, as one module; read once a process, but while DEBUG is on."""
    return _made(entry, max(file.stat().st_mtime for file in FOLDER.glob("*.js")) if settings.DEBUG else 0.0)


@lru_cache(maxsize=10)
def _made(entry: str, changed_at: float) -> Script:
    body = joined(entry).encode()
    return Script(body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:16])


def joined(entry: str) -> str:
    """The source of the module, after that of each module that it imports, directly or not."""
    sources: dict[str, str] = {}
    _collect(entry, sources, [])
    return "\n".join(sources.values())


def _collect(name: str, sources: dict[str, str], importers: list[str]) -> None:
    if name in importers:
        raise ValueError(f"the scripts import each other in a circle: {' > '.join([*importers, name])}")
    if name in sources:
        return
    source = (FOLDER / name).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(source):
        _collect(imported, sources, [*importers, name])
    sources[name] = _EXPORT.sub("", _IMPORT.sub("", source))
