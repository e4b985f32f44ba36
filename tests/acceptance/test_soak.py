"""A very short soak: all of its parts work together, and its report says what it found."""

from pathlib import Path

import pytest

from tests.soak import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.sqlite("its troubles lock the file"),
    pytest.mark.embedded("its troubles kill the broker"),
    pytest.mark.runchat("the server of runchat itself"),
]


def test_a_short_soak_keeps_every_promise_and_reports_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.jsonl"
    figures.write_text('{"fault": "F1", "test": "test_a_killed_server", "size": 1, "lost": 0}\n')
    code = run.main(["--minutes", "0.25", "--output", str(tmp_path), "--figures", str(figures)])
    report = tmp_path / "report.md"
    text = report.read_text()
    assert code == 0, text
    assert capsys.readouterr().out == f"{report}\n"
    assert "No promise was broken" in text
    assert "| F1 | a killed server | lost 0 |" in text
    assert "<polyline" in (tmp_path / "latency.svg").read_text()
    assert "<polyline" in (tmp_path / "memory.svg").read_text()
