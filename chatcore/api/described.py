"""What the source says of the fields of a Struct: the comments `#:` above them, as in Sphinx."""

import inspect
import re
from functools import cache

import msgspec

_FIELD = re.compile(r"    (\w+): ")
_COMMENT = "    #:"


@cache
def field_texts(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The texts of the Struct's fields by their names in JSON, also of those that it inherits."""
    names = dict(zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True))
    texts: dict[str, str] = {}
    for owner in reversed([kind for kind in struct.__mro__ if issubclass(kind, msgspec.Struct)]):
        texts.update({names[name]: text for name, text in _own_texts(owner).items() if name in names})
    return texts


def _own_texts(struct: type) -> dict[str, str]:
    try:
        lines = inspect.getsource(struct).splitlines()
    except (OSError, TypeError):  # without its source
        return {}
    found: dict[str, str] = {}
    comment: list[str] = []
    for line in lines:
        if line.startswith(_COMMENT):
            comment.append(line.removeprefix(_COMMENT).strip())
            continue
        if comment and (match := _FIELD.match(line)):
            found[match[1]] = " ".join(comment)
        comment = []
    return found
