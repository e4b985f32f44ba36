"""The operations as command lines."""

import json
import shlex

from chatcore.api.examples import EXAMPLES, PARAMETERS, TEXT
from chatcore.api.operations import Operation

#: The header with the token, which no example shows.
AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'


def curl(operation: Operation, place: str) -> str:
    """An example of a request to the API at `place`, which has no slash at its end."""
    words = ["curl"]
    if None in operation.answers.values():
        words.append("-N")
    if operation.needs is not None:
        words.append(AUTHORIZED)
    if operation.method not in ("GET", "POST"):
        words.append(f"-X {operation.method}")
    words += _body(operation)
    path = "/".join(_example(part) for part in operation.path.split("/"))
    return " ".join([*words, shlex.quote(f"{place}/{path}")])


def _body(operation: Operation) -> list[str]:
    if operation.body is None:
        return []
    if operation.text:
        return ["-d", shlex.quote(TEXT)]
    example = EXAMPLES[operation.body.__name__]
    return ["-H 'Content-Type: application/json'", "-d", shlex.quote(json.dumps(example, ensure_ascii=False))]


def _example(part: str) -> str:
    return str(PARAMETERS[part[1:-1]]["example"]) if part.startswith("{") else part
