"""A master, its replica and three Sentinels: real Valkeys of a test's own. The death of the master makes a failover."""

import subprocess
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import redis

from chatcli.valkey import valkey_binary
from tests.acceptance.valkeys import OwnValkey, free_port
from tests.waiting import DEADLINE_S, wait_until

MASTER = "chat"
SENTINELS = 3
#: Milliseconds: a master that is silent so long is dead; a failover that takes longer is tried anew.
CONFIGURATION = """
port {port}
bind 127.0.0.1
sentinel monitor {name} 127.0.0.1 {master} 2
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""


class Sentinels:
    """They run while the context is open."""

    def __init__(self, password: str) -> None:
        self.master = OwnValkey(password, options=["--masterauth", password])
        replicates = ["--masterauth", password, "--replicaof", "127.0.0.1", str(self.master.port)]
        self.replica = OwnValkey(password, options=replicates)
        self.ports = [free_port() for _ in range(SENTINELS)]
        self._password, self._stack = password, ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with self._stack as stack:
            for valkey in (self.master, self.replica):
                stack.enter_context(valkey)
            for port in self.ports:
                self._processes.append(self._sentinel(port))
                stack.callback(self._kill, self._processes[-1])
            wait_until(self._ready, "the Sentinels to know the replica and each other")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def kill_first(self) -> None:
        """The Sentinel that clients ask first, as by the death of a machine on which it was beside the master."""
        self._kill(self._processes[0])

    def master_port(self) -> int:
        """As the last Sentinel has it."""
        with self._client(self.ports[-1]) as client:
            return int(client.sentinel_get_master_addr_by_name(MASTER)[1])

    def _sentinel(self, port: int) -> "subprocess.Popen[bytes]":
        file = self.master.folder / f"sentinel-{port}.conf"
        file.write_text(CONFIGURATION.format(port=port, name=MASTER, master=self.master.port, password=self._password))
        return subprocess.Popen(
            [str(valkey_binary()), str(file), "--sentinel"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=self.master.folder,
        )  # fmt: skip

    @staticmethod
    def _kill(process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.wait(DEADLINE_S)

    def _ready(self) -> bool:
        states = [self._state(port) for port in self.ports]
        return all(int(state.get("num-slaves", 0)) == 1 for state in states) and all(
            int(state.get("num-other-sentinels", 0)) == SENTINELS - 1 for state in states
        )

    def _state(self, port: int) -> dict[str, Any]:
        try:
            with self._client(port) as client:
                return dict(client.sentinel_master(MASTER))
        except (redis.ConnectionError, redis.TimeoutError):
            return {}

    @staticmethod
    def _client(port: int) -> "redis.Redis":
        return redis.Redis(port=port, socket_timeout=DEADLINE_S)
