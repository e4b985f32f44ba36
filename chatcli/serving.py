"""One run of the server, from the checks to the last line: each thing it opens is closed again, the broker last."""

import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.management.base import OutputWrapper
from django.db import connections
from django.utils.module_loading import import_string

from chatcli import startup
from chatcli.banner import banner
from chatcli.broker import MEANWHILE, EmbeddedBroker
from chatcli.listening import Listening, listening
from chatcli.server.listen import Address
from chatcli.server.options import ServerOptions
from chatcli.server_record import Announcement, describe_layer
from chatcli.workers.asking import asked_on
from chatcli.workers.handed import Handed
from chatcli.workers.parent import Parent
from chatcli.workers.terminal import Terminal
from chatcli.workers.worker import bequeathed
from chatcore import conf, workers
from chatcore.bell.layer import layer_setting
from chatcore.database import NotMigrated, migrate_command
from chatcore.exceptions import ChatError
from chatcore.rates import parsed_rate


@dataclass(frozen=True)
class Serving:
    """What was asked for on the command line, and where to talk."""

    address: Address | None
    unix: Path | None
    #: So many processes under this one; None: this one serves.
    workers: int | None
    drain: float
    migrate: bool
    verbosity: int
    stdout: OutputWrapper
    stderr: OutputWrapper

    def run(self, *, signal_handlers: bool = True) -> None:
        """Serve until SIGTERM or Ctrl-C. Raises ChatError when it cannot begin."""
        with ExitStack() as stack:
            terminal = Terminal()
            if signal_handlers:  # the reactor's take its place; SIGINT's is left alone, or it would not take that
                signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
                terminal.mind(self.warn)
            bound = listening(self.address, self.unix, stack)
            self.prepare_database()
            live, troubles = self.start_broker(stack)
            troubles += [bound.local] if isinstance(bound.local, str) else []
            if troubles:  # as a rule for one reason: the folder
                self.warn("; ".join(trouble.rstrip(".") for trouble in troubles))
            self.introduce(bound.addresses[0], live)
            if self.workers is None:
                self.serve(
                    bound.sockets,
                    bound.bound_local,
                    lambda: self.announce(stack, bound, ()),
                    self.say_stopping,
                    signal_handlers=signal_handlers,
                )
            else:
                self.parent(self.workers, bound, stack).run(terminal)

    def run_worker(self, handed: Handed) -> None:
        """Serve on what the parent holds, until SIGTERM. Raises ChatError when it cannot begin."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # `pkill -HUP -f runchat` means the parent
        workers.begin(handed.number, handed.asked, handed.places)
        self.prepare_database()
        self.serve(handed.sockets(), handed.local_socket(), handed.ready, lambda sockets: None)

    def serve(
        self,
        listeners: list[socket.socket],
        local: socket.socket | None,
        ready: Callable[[], object],
        stopping: Callable[[int], None],
        *,
        signal_handlers: bool = True,
    ) -> None:
        """Serve in this process."""
        startup.allow_many_sockets()
        from chatcli.server.server import ChatServer  # Twisted: 0.3 s that no other command shall pay

        server = ChatServer(
            self.application(),
            listeners,
            self.options(),
            local=local,
            ready=ready,
            stopping=stopping,
            signal_handlers=signal_handlers,
        )
        connections.close_all()
        server.run()

    def application(self) -> Any:
        """The site's ASGI application. Raises ChatError if there is none, and warns of Django's alone."""
        name = getattr(settings, "ASGI_APPLICATION", None)
        if not name:
            raise ChatError('ASGI_APPLICATION is not set: name the site\'s, for example "mysite.asgi.application"')
        found = import_string(name)
        if isinstance(found, ASGIHandler):
            self.warn(
                f"{name} is Django alone: pages cannot get live without chat_application() (docs/in-your-site.md)"
            )
        return found

    def parent(self, count: int, bound: Listening, stack: ExitStack) -> Parent:
        """What keeps so many workers; what it opens is closed with the stack."""
        connections.close_all()
        heritage = bequeathed(bound.sockets, bound.bound_local, asked_on(count, stack, self.warn), stack)
        told: list[Announcement | None] = []

        def changed(pids: Sequence[int]) -> None:
            if not told:
                told.append(self.announce(stack, bound, pids))
            elif told[0] is not None:
                with suppress(OSError):  # a full disk: commands go on with what they know
                    told[0].change(pids)

        return Parent(count, heritage, self.drain, self.say, self.warn, changed)

    def options(self) -> ServerOptions:
        """How the server behaves, by the settings."""
        unlimited = conf.settings.RATE == "off"
        return ServerOptions(
            drain=self.drain,
            outbox_bytes=conf.settings.OUTBOX_BYTES,
            message_bytes=conf.settings.FRAME_BYTES,
            request=conf.settings.HANDSHAKE_TIMEOUT,
            shared=(self.workers or 1) > 1,
            frames=None if unlimited else parsed_rate(conf.settings.SOCKET_FRAMES),
        )

    def prepare_database(self) -> None:
        pending = startup.pending_migrations()
        if pending and self.migrate:
            talk = max(self.verbosity - 1, 0)
            startup.apply_migrations(verbosity=talk, stdout=self.stdout, stderr=self.stderr)
            if self.verbosity > 0:
                self.say(f"Applied {len(pending)} migrations.")
        elif pending:
            raise NotMigrated(
                f"the database is not ready ({len(pending)} migrations are not applied): "
                f"run {migrate_command('./manage.py')}, or runchat --migrate"
            )

    def start_broker(self, stack: ExitStack) -> tuple[str, list[str]]:
        """How messages go live, in a few words; what is wrong. No broker is a warning, never a failure."""
        if conf.settings.BROKER_SOCKET is None:
            return describe_layer(layer_setting()), []
        broker = EmbeddedBroker(Path(conf.settings.BROKER_SOCKET))
        trouble = broker.look()
        stack.enter_context(broker)
        if trouble:
            return "the log itself", [f"{trouble}. {MEANWHILE}"]
        return f"Valkey at {broker.path}" + (", another server's" if broker.adopted else ""), []

    def hold_broker(self, stack: ExitStack) -> None:
        """Only the broker, for the reloader's parent process; its children say how it is."""
        if conf.settings.BROKER_SOCKET is not None:
            broker = EmbeddedBroker(Path(conf.settings.BROKER_SOCKET))
            broker.look()
            stack.enter_context(broker)

    def introduce(self, address: str, live: str) -> None:
        if self.verbosity < 1:
            return
        for line in banner(address, live, self.workers):
            self.say(line)
        if self.verbosity > 1:
            for remark in startup.remarks():
                self.warn(remark)

    def announce(self, stack: ExitStack, bound: Listening, pids: Sequence[int]) -> Announcement | None:
        """Say to people and to commands that it serves; the record, unless it cannot be written."""
        announcement = None
        try:
            record = Announcement(bound.addresses[0], pids, bound.local_path)
            announcement = stack.enter_context(closing(record))
        except OSError as error:
            self.warn(f"server.json cannot be written ({error}): commands do not see that this server runs")
        self.say(f"Ready: {' '.join(bound.addresses)}")
        return announcement

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
