"""Where the socket of this machine's server is, by the environment and by the project in which the program lies."""

import os
from collections.abc import Mapping

SOCKET = "api.sock"
#: The folders above a virtual environment in which its project is looked for: .venv, and .venvs/build-xyz.
_DEPTH = 3


def socket_nearby(environment: Mapping[str, str], prefix: str) -> str | None:
    """The socket's path, whether or not it is there: by CHAT_RUN_DIR or CHAT_VAR_DIR of the environment, else by
    roomline.env of the project in which the virtual environment `prefix` lies."""
    home = project_of(prefix)
    values = {**(_file_values(os.path.join(home, "roomline.env")) if home else {}), **environment}
    run, var = values.get("CHAT_RUN_DIR", "").strip(), values.get("CHAT_VAR_DIR", "").strip()
    folder = run or (os.path.join(var, "run") if var else os.path.join("var", "run") if home else "")
    return os.path.join(home or "", folder, SOCKET) if folder else None


def project_of(prefix: str) -> str | None:
    """The folder of the project that has its virtual environment there."""
    folder = os.path.abspath(prefix)
    for _ in range(_DEPTH):
        folder = os.path.dirname(folder)
        if os.path.exists(os.path.join(folder, "manage.py")):
            return folder
    return None


def _file_values(path: str) -> dict[str, str]:
    """The lines of the file as the site reads them; nothing where there is none that we may read."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    values = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            values[name] = value[1:-1] if quoted else value
    return values
