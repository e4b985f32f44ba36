"""The server against the Autobahn test suite's cases (RFC 6455), which the package `kosoku` runs; their table is in
docs/protocol.md. What sends back is `mirror`, over the same way in and out that the chat's texts take."""

import asyncio
from collections.abc import Iterator

import pytest
from kosoku import FailureError, run_fuzzingclient

from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire

pytestmark = [pytest.mark.slow, pytest.mark.runchat("the server of runchat itself")]

#: Messages above our limit (9), and compression, which the server does not offer (12, 13).
LEFT_OUT = ["9.*", "12.*", "13.*"]
CASES = 247
#: Where the suite lets a server choose: a text right before a frame that breaks a rule is answered, or is not; a close
#: code that is not of the protocol's list, and data after a close frame, are each server's own business.
LEEWAY = {
    **dict.fromkeys(("3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"), "NON-STRICT"),
    **dict.fromkeys(("7.1.6", "7.13.1", "7.13.2"), "INFORMATIONAL"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.acceptance.mirror_settings"}
    with ChatSite(env=settings, arguments=["--drain", "1"]) as site:
        yield site


def test_the_server_keeps_to_the_protocol_in_every_case_of_autobahn_s_suite(site: ChatSite) -> None:
    try:
        results = asyncio.run(run_fuzzingclient(f"ws://{site.host}:{site.port}", exclude_cases=LEFT_OUT, concurrency=2))
    except FailureError as failure:
        broken = [result for result in failure.results if not result.passed]
        raise AssertionError(
            [(case.case_id, case.description, case.result, case.result_close) for case in broken]
        ) from failure
    assert len(results) == CASES
    free = {case.case_id: case.behavior.value for case in results if case.behavior.value != "OK"}
    assert {case_id: verdict for case_id, verdict in free.items() if LEEWAY.get(case_id) != verdict} == {}
    with Wire(site.host, site.port) as wire:
        wire.open("/").send("still here")
        assert wire.text() == "still here"
    assert "Traceback" not in site.stderr
