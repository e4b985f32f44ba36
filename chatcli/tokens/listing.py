"""`chat_token list`."""

from typing import Any

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tables import show
from chatcore.history.tokens import TokenView, tokens


class List(Subcommand):
    help = "List the tokens that were not revoked: what each may, and when it was last used."
    examples = """\
  ./manage.py chat_token list
  ./manage.py chat_token list --json | jq -r 'select(.last_used_at == null) | .name'"""
    notes = """\
ID is the public part of a token's text, by which logs and messages name it. LAST USED is exact to a minute. What has
expired is listed until it is revoked."""

    def handle(self, command: SubcommandsCommand, *args: Any, json: bool, **options: Any) -> None:
        show(
            command,
            tokens(),
            columns={
                "NAME": lambda token: token.name,
                "ID": lambda token: token.id,
                "MAY": lambda token: "hook" if token.kind == "hook" else ",".join(token.grant.can),
                "ROOMS": lambda token: ",".join(token.grant.rooms),
                "RATE": lambda token: token.grant.rate,
                "EXPIRES": lambda token: "expired" if token.state == "expired" else token.grant.expires_at,
                "LAST USED": lambda token: token.last_used_at,
            },
            answer=_answer,
            json=json,
            empty="There is no token yet: ./manage.py chat_token create NAME --room ROOM",
        )


def _answer(token: TokenView) -> dict[str, Any]:
    grant = token.grant
    return {
        "id": token.id,
        "name": token.name,
        "kind": token.kind,
        "state": token.state,
        "rooms": grant.rooms,
        "can": grant.can,
        "rate": grant.rate,
        "created_at": token.created_at,
        "expires_at": grant.expires_at,
        "last_used_at": token.last_used_at,
    }
