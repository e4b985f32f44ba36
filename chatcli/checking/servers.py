"""The running servers: do they mean the same data, do they answer, does what is rung reach them."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from chatcli import server_record
from chatcli.checking.findings import Finding, Level
from chatcli.checking.machine import SKEW_S
from chatcli.server.listen import answers
from chatcore import conf, history
from chatcore.bell.probing import Echo, probe

PART = "server"
#: Seconds for the servers' answers through the database, which each looks into once a second at least.
ANSWER_S = 5.0
#: Seconds more for servers on other machines, of which nobody here knows how many there are.
ELSEWHERE_S = 1.0
_POLL_S = 0.05


class ServersLook:
    """Looks at the servers that run on this folder, and at those on other machines that answer through the database."""

    def __init__(self, inquiry: str | None, *, probing: bool) -> None:
        """`inquiry`: a question of ours that servers answer through the database; None if there could be none.

        `probing`: whether the layer can be used.
        """
        self._inquiry, self._probing = inquiry, probing
        self._addresses = server_record.names_here()

    def look(self) -> Iterator[Finding]:
        for record in server_record.live_records():
            if (reason := server_record.mismatch(record)) is not None:
                hint = "Until then commands store nothing."
                yield Finding(PART, Level.ERROR, reason, hint, "chatcore.E140")
                return
            for number in record.vacant():
                what = f"worker {number} of the server with pid {record.pid} ({record.address}) does not run"
                yield Finding(PART, Level.ERROR, what, "Why it has ended is in the server's log.", "chatcore.E145")
            yield from self._local_socket(record)
        through_database = self._answers()
        expected = self._addresses.keys() | through_database
        if not expected:
            yield Finding(PART, Level.INFO, "none is running: ./manage.py runchat")
            return
        echoes: Mapping[str, Echo] = {}
        if self._probing:
            try:
                echoes = asyncio.run(probe(expected))
            except Exception as error:
                what = f"the channel layer does not take a probe ({str(error) or type(error).__name__})"
                yield Finding(PART, Level.ERROR, what, "See CHANNEL_LAYERS and its broker.", "chatcore.E141")
                self._probing = False
        for server in sorted(expected | echoes.keys()):
            yield from self._judged(server, server in through_database, echoes.get(server))

    @staticmethod
    def _local_socket(record: server_record.ServerRecord) -> Iterator[Finding]:
        """By which programs of this account reach the server without a token."""
        if not record.socket or not answers(Path(record.socket)):
            what = f"the server with pid {record.pid} ({record.address}) has no local socket: roomline cannot reach it"
            hint = "Why is in the server's log. If CHAT_RUN_DIR was emptied meanwhile, restart the server."
            yield Finding(PART, Level.WARNING, what, hint, "chatcore.W146")

    def _answers(self) -> set[str]:
        """The servers that answer through the database: all that run here, or as many as do in time."""
        if self._inquiry is None:
            return set()
        elsewhere = conf.settings.BROKER_SOCKET is None
        began, until = time.monotonic(), time.monotonic() + ANSWER_S
        while True:
            answers = set(history.deliveries(self._inquiry))
            now = time.monotonic()
            patient = elsewhere and now - began < ELSEWHERE_S
            if (self._addresses.keys() <= answers and not patient) or now >= until:
                return answers
            time.sleep(_POLL_S)

    def _judged(self, server: str, answered: bool, echo: Echo | None) -> Iterator[Finding]:
        address = self._addresses.get(server)
        name = f"{server} ({address})" if address else server
        if self._inquiry is not None and not answered:
            how = "nothing comes from it" if echo is None else "it answers the probe, but not through the database"
            hint = "See its log. If it hangs, kill -9 it: a worker is started again by its parent, a server by you."
            if echo is not None and not address:
                hint += " If it is another site's, give one of them another prefix in CHANNEL_LAYERS."
            yield Finding(PART, Level.ERROR, f"{name}: {how}", hint, "chatcore.E142")
            return
        if echo is None and self._probing:
            what = f"{name}: the probe does not come back: what others post reaches it late, through the database"
            hint = "See that it has the same CHANNEL_LAYERS (prefix, hosts, keys) and version; restart it."
            yield Finding(PART, Level.ERROR, what, hint, "chatcore.E143")
            return
        if echo is None:
            yield Finding(PART, Level.OK, f"{name} answers through the database")
            return
        took = round(1000 * echo.round_trip, 2)
        what = f"{name} answers: probe there and back in {took:.1f} ms"
        yield Finding(PART, Level.OK, what, figures={"probe_ms": took})
        if abs(echo.ahead) > SKEW_S:
            how = f"{abs(echo.ahead):,.0f} s {'ahead of' if echo.ahead > 0 else 'behind'} this machine's"
            hint = "Let time be synchronised on both (timedatectl set-ntp true)."
            yield Finding(PART, Level.WARNING, f"{name}: its clock is {how}", hint, "chatcore.W144")
