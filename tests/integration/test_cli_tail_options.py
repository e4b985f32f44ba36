"""Options of `chat_tail` that cannot be meant: told before anything is read."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--template", "{body}"], "argument --template: no field 'body': type, room, id"),
        (["--template", "{seq:>5}"], "{seq} takes no form"),
        (["--template", "{seq"], "a { of its own"),
        (["--grep", "("], "argument --grep: '(' is no regular expression: missing )"),
        (["--exclude", "*"], "argument --exclude: '*' is no regular expression"),
        (["--min-priority", "urgent"], "'urgent' is no priority: write 1 to 5, or min"),
        (["--kind", "shout"], "argument --kind: invalid choice: 'shout'"),
        (["--timestamps", "long"], "argument --timestamps: invalid choice: 'long'"),
        (["--exec", " "], "argument --exec: there is no command"),
        (["--exec", "true", "--exec-retries", "-1"], "--exec-retries needs a value"),
        (["--json", "--template", "{seq}"], "--json and --template: choose one"),
    ],
)
def test_what_cannot_be_meant_is_told(options: list[str], why: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("chat_tail", "newbox", *options)
    assert why in str(refused.value)
    assert refused.value.returncode == 2
