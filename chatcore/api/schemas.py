"""JSON Schemas (2020-12) of what goes in and out of the API, made of the Structs themselves."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from chatcore.api.described import field_texts

Schema = dict[str, Any]
_PLACE = "#/components/schemas/{name}"


def schemas(answers: Sequence[Any], bodies: Sequence[Any]) -> dict[str, Schema]:
    """The schemas of all these types, by name, and of those that they are made of.

    An answer has each of its keys whatever it holds, but those that can be unset; what clients send need not.
    """
    _, found = msgspec.json.schema_components([*answers, *bodies], ref_template=_PLACE)
    structs, always = _structs([*answers, *bodies]), _structs(answers)
    for name, schema in found.items():
        schema["description"] = " ".join(schema.get("description", "").split())
        for key, text in field_texts(structs[name].cls).items():
            _describe(schema["properties"][key], text)
        if name in always:
            unset = [field.encode_name for field in structs[name].fields if _may_be_unset(field)]
            schema["required"] = [key for key in schema["properties"] if key not in unset]
    return dict(sorted(found.items()))


def schema_of(kind: Any) -> Schema:
    """The schema of one type, which refers to those of `schemas`."""
    [schema], _ = msgspec.json.schema_components([kind], ref_template=_PLACE)
    return schema


def fields(struct: type[msgspec.Struct]) -> dict[str, tuple[Schema, bool]]:
    """The schemas of the Struct's fields, and whether each must be given."""
    _, found = msgspec.json.schema_components([struct], ref_template=_PLACE)
    schema = found[struct.__name__]
    for key, text in field_texts(struct).items():
        _describe(schema["properties"][key], text)
    return {key: (part, key in schema.get("required", ())) for key, part in schema["properties"].items()}


def _may_be_unset(field: inspect.Field) -> bool:
    return not field.required and field.default is NODEFAULT and field.default_factory is NODEFAULT


def _describe(schema: Schema, text: str) -> None:
    """Add the text, after what the type says of itself."""
    own = schema.get("description")
    schema["description"] = f"{text} {own}" if own else text


def _structs(types: Iterable[Any]) -> dict[str, inspect.StructType]:
    """All Structs in these types, by name."""
    found: dict[str, inspect.StructType] = {}
    pending: list[Any] = list(inspect.multi_type_info(types))
    while pending:
        kind = pending.pop()
        if isinstance(kind, inspect.StructType) and kind.cls.__name__ not in found:
            found[kind.cls.__name__] = kind
            pending += [field.type for field in kind.fields]
        elif isinstance(kind, inspect.UnionType):
            pending += kind.types
        elif isinstance(kind, inspect.CollectionType):
            pending.append(kind.item_type)
        elif isinstance(kind, inspect.Metadata):
            pending.append(kind.type)
    return found
