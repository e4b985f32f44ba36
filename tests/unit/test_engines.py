"""Which tests are left out where something else than SQLite, the embedded broker and runchat is tested."""

import pytest

from tests import engines


def test_another_database_on_the_same_server() -> None:
    url = "postgres://me:p%40ss@10.0.0.7:5433/chat?sslmode=require"
    assert engines.named(url, "other") == "postgres://me:p%40ss@10.0.0.7:5433/other?sslmode=require"


def test_each_worker_of_the_tests_has_its_own_database_and_so_its_own_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "DATABASE_URL", "postgres://me@10.0.0.7/chat")
    monkeypatch.setattr(engines, "REDIS_URL", "redis://10.0.0.8")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert engines.environment() == {
        "DATABASE_URL": "postgres://me@10.0.0.7/roomline_gw3",
        "CHAT_REDIS_URL": "redis://10.0.0.8",
    }


def test_by_itself_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "DATABASE_URL", "")
    monkeypatch.setattr(engines, "REDIS_URL", "")
    assert engines.environment() == {}


@pytest.mark.sqlite("its file")
def test_a_test_of_what_is_not_there_is_left_out_with_its_reason(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LEFT_OUT", {"sqlite"})
    others = [item for item in request.session.items if item.get_closest_marker("sqlite") is None][:1]
    here, elsewhere, reasons = engines.parted([request.node, *others])
    assert (here, elsewhere, dict(reasons)) == (others, [request.node], {"sqlite: its file": 1})


def test_a_marker_without_its_reason_is_refused(request: pytest.FixtureRequest) -> None:
    assert engines.reason(["its file"], request.node) == "its file"
    for words in ([], ["one", "two"], [1]):
        with pytest.raises(pytest.UsageError, match="the reason"):
            engines.reason(words, request.node)
