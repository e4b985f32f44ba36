"""The OpenAPI document and docs/http-api.md say of the API what its table of operations says."""

import re
from typing import Any

import msgspec
import pytest
from jsonschema_rs import Draft202012Validator, meta
from msgspec import inspect

from chatcore.api.curl import curl
from chatcore.api.examples import EXAMPLES, PARAMETERS
from chatcore.api.openapi import REFUSALS, document, refusals
from chatcore.api.operations import Operation
from chatcore.api.schemas import fields
from chatcore.api.table import OPERATIONS
from tests.conftest import PROJECT

DOCUMENT = document("https://chat.example/api")
SCHEMAS = DOCUMENT["components"]["schemas"]
GUIDE = (PROJECT / "docs/http-api.md").read_text()


def described(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][f"/{operation.path}"][operation.method.lower()]
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """For a schema of the document, with what it refers to."""
    return Draft202012Validator({**schema, "components": {"schemas": SCHEMAS}})


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_described(operation: Operation) -> None:
    found = described(operation)
    assert found["operationId"] == operation.name
    assert found["summary"][0].isupper()
    assert not found["summary"].endswith(".")
    names = set(re.findall(r"{(\w+)}", operation.path))
    assert {parameter["name"] for parameter in found.get("parameters", ()) if parameter["in"] == "path"} == names
    assert all(parameter["description"] for parameter in found.get("parameters", ()))
    assert set(map(int, found["responses"])) == {*operation.answers, *refusals(operation)}


def test_operations_are_named_once() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_shape_is_a_json_schema_with_a_description(name: str) -> None:
    meta.validate(SCHEMAS[name])
    assert SCHEMAS[name]["description"]


def test_references_lead_somewhere() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    for kind, name in re.findall(r'"\$ref":"#/components/(\w+)/(\w+)"', text):
        assert name in DOCUMENT["components"][kind]


def test_every_example_is_what_it_is_an_example_of() -> None:
    used = set()
    for operation in OPERATIONS:
        for kind in (operation.body, *operation.answers.values()):
            name = getattr(kind, "__name__", "")
            if name in EXAMPLES:
                used.add(name)
                msgspec.convert(EXAMPLES[name], kind)
                validator(SCHEMAS[name]).validate(EXAMPLES[name])
    assert used == set(EXAMPLES)


def test_every_body_and_every_json_answer_has_an_example() -> None:
    for operation in OPERATIONS:
        for kind in (operation.body, *operation.answers.values()):
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                assert kind.__name__ in EXAMPLES


@pytest.mark.parametrize("name", PARAMETERS)
def test_examples_of_parameters_fit_their_schemas(name: str) -> None:
    Draft202012Validator(PARAMETERS[name]["schema"]).validate(PARAMETERS[name]["example"])


def test_answers_have_all_their_keys_and_requests_need_not() -> None:
    assert set(SCHEMAS["Message"]["required"]) == set(SCHEMAS["Message"]["properties"]) - {"html"}
    assert SCHEMAS["Error"]["required"] == ["type", "code", "detail"]
    assert SCHEMAS["NewMessage"]["required"] == ["message"]


def test_every_shape_that_is_sent_refuses_keys_that_are_not_known() -> None:
    for operation in OPERATIONS:
        if operation.body is not None and not operation.path.startswith("hooks/"):
            [info] = inspect.multi_type_info([operation.body])
            assert isinstance(info, inspect.StructType)
            assert info.forbid_unknown_fields
            assert SCHEMAS[operation.body.__name__]["additionalProperties"] is False


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_has_a_line_of_curl(operation: Operation) -> None:
    line = curl(operation, "https://chat.example/api")
    assert line.endswith(re.sub(r"{.*?}", lambda name: str(PARAMETERS[name[0][1:-1]]["example"]), operation.path))
    assert ("$TOKEN" in line) == (operation.needs is not None)


def test_the_guide_lists_every_operation() -> None:
    """To bring it up to date: print these rows."""
    rows = [
        f"| `{operation.method} {operation.path}` | {operation.summary} |"
        f" {', '.join(f'`{name}`' for name in fields(operation.query))} |".replace("|  |", "| |")
        for operation in OPERATIONS
    ]
    assert re.findall(r"^\| `(?:GET|POST|PATCH|DELETE) .*$", GUIDE, re.MULTILINE) == rows


def test_the_guide_lists_every_refusal() -> None:
    statuses = ",".join(re.findall(r"^\| (\d{3}(?:, \d{3})*) \|", GUIDE, re.MULTILINE))
    assert {int(status) for status in statuses.split(",")} == {*REFUSALS, 405, 500}
