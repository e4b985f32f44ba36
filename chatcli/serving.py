"""One run of the server, from the checks to the last line: each thing it opens is closed again, the broker last."""

import signal
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import OutputWrapper
from django.db import connections
from django.utils.module_loading import import_string

from chatcli import startup
from chatcli.broker import MEANWHILE, EmbeddedBroker
from chatcli.server.listen import Address, PortInUse, listen_tcp, listen_unix
from chatcli.server.options import ServerOptions
from chatcli.server_record import (
    announced,
    describe_layer,
    layer_setting,
    live_records,
    own_record,
)
from chatcore import conf
from chatcore.database import NotMigrated

LOCAL = {"//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:"}  # what a browser here can open


@dataclass(frozen=True)
class Serving:
    """What was asked for on the command line, and where to talk."""

    address: Address | None
    unix: Path | None
    drain: float
    migrate: bool
    verbosity: int
    stdout: OutputWrapper
    stderr: OutputWrapper

    def run(self, *, signal_handlers: bool = True) -> None:
        """Serve until SIGTERM or Ctrl-C. Raises ChatError when it cannot begin."""
        with ExitStack() as stack:
            if signal_handlers:  # the reactor's take its place; SIGINT's is left alone, or it would not take that
                signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            listeners, addresses = self.listen(stack)
            self.prepare_database()
            startup.allow_many_sockets()
            from chatcli.server.server import ChatServer  # Twisted: 0.3 s that no other command shall pay

            live = self.start_broker(stack)
            self.introduce(addresses[0], live)
            server = ChatServer(
                import_string(settings.ASGI_APPLICATION),
                listeners,
                ServerOptions(drain=self.drain, outbox_bytes=conf.settings.OUTBOX_BYTES),
                ready=lambda: self.ready(stack, addresses),
                stopping=self.say_stopping,
                signal_handlers=signal_handlers,
            )
            connections.close_all()
            server.run()

    def listen(self, stack: ExitStack) -> tuple[list[socket.socket], list[str]]:
        """The sockets and how people name them; port 0 has become a real one."""
        listeners, addresses = [], []
        if self.address is not None:
            try:
                listeners.append(stack.enter_context(listen_tcp(self.address)))
            except PortInUse as error:
                raise PortInUse(self.address, pid_at(self.address.port)) from error
            host, port = listeners[0].getsockname()[:2]
            addresses.append(f"http://{Address(host, port)}/")
        if self.unix is not None:
            listeners.append(stack.enter_context(listen_unix(self.unix)))
            stack.callback(self.unix.unlink, missing_ok=True)
            addresses.append(f"unix:{self.unix.absolute()}")
        return listeners, addresses

    def prepare_database(self) -> None:
        pending = startup.pending_migrations()
        if pending and self.migrate:
            talk = max(self.verbosity - 1, 0)
            call_command("migrate", interactive=False, verbosity=talk, stdout=self.stdout, stderr=self.stderr)
            if self.verbosity > 0:
                self.say(f"Applied {len(pending)} migrations.")
        elif pending:
            raise NotMigrated(
                f"the database is not ready ({len(pending)} migrations are not applied): "
                "run ./manage.py migrate, or runchat --migrate"
            )

    def start_broker(self, stack: ExitStack) -> str:
        """How messages go live, in a few words. No broker is a warning, never a failure."""
        if conf.settings.BROKER_SOCKET is None:
            return describe_layer(layer_setting())
        broker = EmbeddedBroker(Path(conf.settings.BROKER_SOCKET))
        if trouble := broker.look():
            self.warn(f"{trouble}. {MEANWHILE}")
        stack.enter_context(broker)
        if trouble:
            return "the log itself"
        return f"Valkey at {broker.path}" + (", another server's" if broker.adopted else "")

    def hold_broker(self, stack: ExitStack) -> None:
        """Only the broker, for the reloader's parent process; its children say how it is."""
        if conf.settings.BROKER_SOCKET is not None:
            broker = EmbeddedBroker(Path(conf.settings.BROKER_SOCKET))
            broker.look()
            stack.enter_context(broker)

    def introduce(self, address: str, live: str) -> None:
        if self.verbosity < 1:
            return
        self.say(f"Roomline: {getattr(settings, 'CHAT_PUBLIC_URL', None) or local(address)}")
        self.say('  send     ./manage.py chat_send newbox "hello"')
        self.say("  follow   ./manage.py chat_tail newbox")
        self.say("  stop     Ctrl-C")
        self.say(f"  data     {own_record().database}")
        self.say(f"  live     {live}")
        if not startup.has_admin():
            self.say("  admin    nobody is admin yet: ./manage.py createsuperuser")
        if self.verbosity > 1:
            for remark in startup.remarks():
                self.warn(remark)

    def ready(self, stack: ExitStack, addresses: list[str]) -> None:
        try:
            stack.enter_context(announced(addresses[0]))
        except OSError as error:
            self.warn(f"server.json cannot be written ({error}): commands do not see that this server runs")
        self.say(f"Ready: {' '.join(addresses)}")

    def say_stopping(self, sockets: int) -> None:
        self.say(f"Stopping: {sockets} sockets are told to reconnect." if sockets else "Stopping.")

    def say(self, line: str) -> None:
        with suppress(OSError, ValueError):  # nobody listens any more: no reason to stop serving
            self.stdout.write(line)
            self.stdout.flush()

    def warn(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self.stderr.write(f"Warning: {line}")
            self.stderr.flush()


def pid_at(port: int) -> int | None:
    """The chat server of this CHAT_VAR_DIR that listens on the port."""
    for record in live_records():
        if record.address.startswith("http") and urlsplit(record.address).port == port:
            return record.pid
    return None


def local(address: str) -> str:
    """The address as a browser on this machine opens it."""
    for everywhere, here in LOCAL.items():
        address = address.replace(everywhere, here)
    return address
