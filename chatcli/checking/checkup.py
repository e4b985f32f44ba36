"""All looks in their order: each part once, what depends on another one after it."""

from collections.abc import Iterator

from chatcli import server_record
from chatcli.checking import configuration, files, machine, public
from chatcli.checking import deploy as deployment
from chatcli.checking.broker import BrokerLook
from chatcli.checking.database import DatabaseLook
from chatcli.checking.deadline import within_time
from chatcli.checking.findings import Finding
from chatcli.checking.servers import ServersLook


def checkup(*, deploy: bool) -> Iterator[Finding]:
    """What is found, as it is found. `deploy`: also what matters for a site that others use."""
    yield from within_time("settings", lambda: configuration.look(deploy=deploy))
    yield from within_time("files", files.look)
    yield from within_time("disk", machine.look_at_disks)
    database = DatabaseLook()
    yield from within_time("database", database.look)
    if database.answers:
        yield from within_time("clock", machine.look_at_clock)
    broker = BrokerLook(sum(1 for _ in server_record.live_records()))
    yield from within_time("broker", broker.look)
    yield from within_time("server", lambda: ServersLook(database.inquiry, probing=broker.answers).look())
    if deploy:
        yield from within_time("deploy", deployment.look)
        yield from within_time("public", public.look)
