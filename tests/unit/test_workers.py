"""What a parent and its workers tell each other, and when one is started again."""

import logging
import os
from contextlib import closing

import pytest

from chatcli.logs import JSONFormatter, LineFormatter
from chatcli.workers.handed import VARIABLE, Handed
from chatcli.workers.team import Slot
from chatcore.exceptions import ChatError


def test_a_worker_takes_what_it_is_handed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = os.pipe()
    with closing(os.fdopen(theirs)) as reader:
        given = Handed(2, [], ours, ours, None, {1: "/run/1.sock", 2: "/run/2.sock"})
        monkeypatch.setenv(VARIABLE, given.variable()[VARIABLE])
        assert Handed.take() == given
        assert Handed.take() is None, "what it starts itself is no worker"
        given.failed("two\nlines")
        given.failed("x" * 100_000)
        given.ready()
        os.close(ours)
        assert reader.read() == f"failed two lines\nfailed {'x' * 1000}\nready\n"


def test_a_variable_that_no_parent_has_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("", "1", "{}", '{"number":1,"listeners":[],"leash":-1,"status":-1,"asked":null,"places":{}}'):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(ChatError, match=VARIABLE):
            Handed.take()


def test_pauses_double_up_to_half_a_minute() -> None:
    slot = Slot(1)
    assert [slot.pause() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    slot.failures = 10_000
    assert slot.pause() == 30


def test_a_workers_lines_have_its_number() -> None:
    record = logging.makeLogRecord({"name": "chat", "levelno": logging.WARNING, "levelname": "WARNING", "worker": 2})
    record.msg, record.args = "%s is gone", ("it",)
    assert LineFormatter("%(name)s: %(message)s").format(record) == "chat: worker 2: it is gone"
    assert '"message":"it is gone"' in JSONFormatter().format(record)
    assert '"worker":2' in JSONFormatter().format(record)
