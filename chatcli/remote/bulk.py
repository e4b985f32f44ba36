"""`--lines` and `--jsonl` through a server's HTTP API: what waits together is one request, all of it or none."""

import time
from collections.abc import Sequence
from typing import Any

from chatcli.remote.answers import answers_of
from chatcli.remote.api import Api
from chatcli.remote.errors import Refused
from chatcli.remote.messages import LONGEST, MOST, check_text, fields_of, own_key, rooms_of
from chatcli.remote.messages import of_line as fields_of_line
from chatcli.remote.sending import called, query_of
from chatcli.sending.lines import Lines
from chatcli.sending.options import Options
from chatcli.sending.run import Done, Draft, Run
from chatcli.sending.texts import standard_input, truncated
from chatcli.talk import Talker
from chatcore.exceptions import BadRequest, Empty

#: Messages in one request: others wait for the transaction.
BATCH = 128


def post_lines(command: Talker, options: Options, api: Api) -> None:
    """Send each line of standard input, report each room. LinesRefused with the line when one is refused."""
    stream = standard_input()
    rooms = rooms_of(api, options, until=time.monotonic() + options.timeout)
    if len(rooms) > MOST:
        raise BadRequest(f"these are {len(rooms)} rooms, and a server takes {MOST} at once: name them in parts")
    run = RemoteRun(command, options, rooms, api)
    with run.progress:
        for batch in Lines(stream).batches(max(1, BATCH // len(rooms))):
            run.take(batch)
    run.finish()


class RemoteRun(Run):
    """A run through a server."""

    def __init__(self, command: Talker, options: Options, rooms: Sequence[str], api: Api) -> None:
        super().__init__(command, options, rooms)
        self._api = api
        self._limit = LONGEST
        self._fields = fields_of(options, kind="notice")

    def fitted(self, text: str) -> str:
        """As far as it is known how long a message may be here; the rest is the server's to say."""
        if not text.strip():
            raise Empty
        check_text(text)
        return truncated(text, self._limit) if self.options.truncate else text

    def store(self, drafts: Sequence[Draft]) -> list[Done]:
        """In one request, as soon as the token's rate allows it, and as often as there is too much in it."""
        keys = [draft.fields.get("key") or own_key() for draft in drafts]
        while True:
            try:
                return self._stored(drafts, keys)
            except Refused as refused:
                if refused.status == 429:  # many messages are sent as fast as the token may
                    time.sleep(max(refused.wait, 0.05))
                elif self.options.truncate and refused.limit is not None and refused.limit < self._limit:
                    self._limit = refused.limit
                else:
                    raise

    def _stored(self, drafts: Sequence[Draft], keys: Sequence[str]) -> list[Done]:
        messages = [
            self._message(draft.fields, room, key)
            for draft, key in zip(drafts, keys, strict=True)
            for room in self.rooms
        ]
        reply = called(
            self._api, self.options, "POST", "messages", until=time.monotonic() + self.options.timeout,
            query=query_of(self.options), body={"messages": messages},
        )  # fmt: skip
        answers = answers_of(reply, self._api.server, own_key=self.options.key is None)
        return [Done(answer.room, answer.status, answer.seq, answer.content) for answer in answers]

    def _message(self, fields: dict[str, Any], room: str, key: str) -> dict[str, Any]:
        own = fields_of_line(fields)
        common = dict(self._fields)
        if "expires_at" in own:
            common.pop("expires_in", None)
        return {**common, **own, "message": self.fitted(own["message"]), "room": room, "key": key}
