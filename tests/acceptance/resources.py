"""What a process takes of its machine: memory, descriptors, threads. Linux: /proc."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Resources:
    """At one moment. Bytes that are resident, and counts."""

    rss: int
    descriptors: int
    threads: int


def resources(pid: int) -> Resources:
    """Of a process that lives. OSError if it does not."""
    folder = Path(f"/proc/{pid}")
    lines = (folder / "status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    rss, threads = int(values["VmRSS"].split()[0]) * 1024, int(values["Threads"])
    return Resources(rss, sum(1 for _ in (folder / "fd").iterdir()), threads)


def connections(port: int, pid: int | None = None) -> set[int]:
    """The other ends' ports of all TCP connections that the server at this port has, or one process of it.

    A socket that a program has let go has no inode (proc(5)), though the kernel may still be busy with it: so this
    shows the end of a connection even to who does not read.
    """
    found, own = set(), None if pid is None else sockets(pid)
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, *_, inode = line.split()[:10]
        ends = [int(end.partition(":")[2], 16) for end in (here, there)]
        if ends[0] == port and ends[1] and inode != "0" and (own is None or inode in own):
            found.add(ends[1])
    return found


def sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(path.readlink().name.removeprefix("socket:[").removesuffix("]"))
    return found
