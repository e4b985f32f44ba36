"""What `chat_check` makes of what it finds: levels, forms, and nothing that could reach a terminal."""

import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import DEBUG, ERROR, INFO, WARNING, CheckMessage
from django.core.management.base import OutputWrapper

from chatcli.checking import configuration, files, machine, report
from chatcli.checking.broker import judged, pubsub_limits
from chatcli.checking.deadline import within_time
from chatcli.checking.findings import Finding, Level, worst
from chatcli.console import Console
from tests.unit.hostile import FORBIDDEN, HOSTILE

SOUND = Finding("server", Level.OK, "it answers", figures={"probe_ms": 0.8})
BAD = Finding("broker", Level.ERROR, "it is gone", "Start it.", "chatcore.E130")
ODD = Finding("settings", Level.WARNING, "nobody reads it", "Take it out.", "chatcore.W010")


def test_the_worst_level_is_that_of_all() -> None:
    assert worst([]) is Level.OK
    assert worst([SOUND, ODD, BAD, ODD]) is Level.ERROR


# Forms


def text_of(finding: Finding) -> str:
    buffer = io.StringIO()
    Console(OutputWrapper(buffer), colour=False).record(report.record(finding))
    return buffer.getvalue()


def test_people_get_a_line_and_below_what_to_do() -> None:
    assert text_of(BAD) == "error   broker     it is gone [chatcore.E130]\n    Start it.\n"
    assert text_of(SOUND) == "ok      server     it answers\n"


def test_programs_get_all_of_it() -> None:
    assert json.loads(report.json_line(BAD)) == {
        "id": "chatcore.E130", "level": "error", "part": "broker", "what": "it is gone", "hint": "Start it.",
        "figures": {},
    }  # fmt: skip
    assert json.loads(report.json_line(SOUND))["figures"] == {"probe_ms": 0.8}


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([SOUND], "OK - all is well|probe=0.8ms;;"),
        ([], "OK - all is well"),
        ([ODD, SOUND], "WARNING - 1 warning: settings: nobody reads it (Take it out.)|probe=0.8ms;;"),
        ([ODD, BAD, BAD], "CRITICAL - 2 errors and 1 warning: broker: it is gone (Start it.)"),
        ([Finding("disk", Level.INFO, "x", "y", "z")], "OK - all is well"),
    ],
)
def test_nagios_gets_one_line_with_the_worst_and_the_figures(findings: list[Finding], line: str) -> None:
    assert report.nagios_line(findings) == line


def test_of_several_servers_and_disks_nagios_gets_the_worst_figures() -> None:
    figures: list[dict[str, float]] = [
        {"probe_ms": 0.8},
        {"probe_ms": 12.25},
        {"free_bytes": 5e12},
        {"free_bytes": 7e9},
    ]
    line = report.nagios_line([Finding("x", Level.OK, "y", figures=each) for each in figures])
    assert line == "OK - all is well|probe=12.25ms;; free=7000000000B;;"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_reaches_neither_terminal_nor_monitoring(text: str) -> None:
    finding = Finding(text, Level.ERROR, f"{text}|x=1", text, text)
    shown = text_of(finding)
    line = report.nagios_line([finding])
    for output in (shown, line):
        assert not [character for character in FORBIDDEN if character in output]
    assert all(row.startswith(("error", "    ")) for row in shown.splitlines())
    assert "\n" not in line
    assert "|" not in line
    buffer = io.StringIO()
    Console(OutputWrapper(buffer), colour=False).json(report.json_line(finding))
    assert json.loads(buffer.getvalue())["hint"] == text
    assert not [character for character in FORBIDDEN if character in buffer.getvalue()]


# Settings


@pytest.mark.parametrize(
    ("kind", "level"), [(ERROR, Level.ERROR), (WARNING, Level.WARNING), (INFO, Level.INFO), (DEBUG, Level.INFO)]
)
def test_a_system_check_keeps_its_id_its_hint_and_its_level(kind: int, level: Level) -> None:
    found = configuration.finding(CheckMessage(kind, "It is odd.", hint="Mend it.", obj="shop.Model", id="shop.X1"))
    assert found == Finding("settings", level, "It is odd. (shop.Model)", "Mend it.", "shop.X1")


# The machine


@pytest.mark.parametrize(
    ("free", "id"), [(99_999_999, "chatcore.E120"), (100_000_000, "chatcore.W121"), (1_000_000_000, ""), (5e15, "")]
)
def test_a_disk_is_scarce_below_a_gigabyte_and_full_below_a_tenth_of_it(free: int, id: str) -> None:
    found = machine.space(Path("/srv/chat"), int(free))
    assert found.id == id
    assert "/srv/chat" in found.what
    assert bool(found.hint) == bool(id)
    assert found.figures == {"free_bytes": float(free)}


@pytest.mark.parametrize(
    ("ahead", "words"), [(2.1, "2 s ahead of that of x"), (-7200, "7,200 s behind that of x"), (1.9, None), (-2, None)]
)
def test_a_clock_may_differ_by_two_seconds(ahead: float, words: str | None) -> None:
    found = machine.skew(ahead, "x")
    assert (found.level is Level.OK) == (words is None)
    assert words is None or words in found.what


def test_a_secret_is_open_only_if_its_folder_can_be_entered(tmp_path: Path) -> None:
    (tmp_path / "key").touch(0o644)
    tmp_path.chmod(0o700)
    assert files.is_closed(tmp_path)
    tmp_path.chmod(0o701)
    assert not files.is_closed(tmp_path)
    assert files.mode(tmp_path / "key") == 0o644
    assert files.mode(tmp_path / "missing") == 0


# The broker


def facts(**more: Any) -> dict[str, Any]:
    return {"ping_ms": 0.5, "redis_version": "7.2.4", "used_memory": 1_000_000, "maxmemory": 0} | more


def ids(told: dict[str, Any]) -> list[str]:
    return [finding.id for finding in judged("redis://h:6379", told)]


def test_a_broker_that_is_sound_is_named() -> None:
    (found,) = judged("redis://h:6379", facts(valkey_version="9.1.2", maxmemory=64_000_000))
    assert found.what == "Valkey 9.1.2 at redis://h:6379 answers, 1 MB of 64 MB"
    (found,) = judged("redis://h:6379", facts())
    assert found.what == "Redis 7.2.4 at redis://h:6379 answers, 1 MB"


def test_a_broker_that_tells_nothing_of_itself_is_sound() -> None:
    (found,) = judged("redis://h:6379", {"ping_ms": 0.5})
    assert (found.level, found.what) == (Level.OK, "Redis at redis://h:6379 answers")


def test_a_broker_s_memory_is_warned_of_before_it_is_full() -> None:
    assert ids(facts(maxmemory=1_200_000)) == [""]
    assert ids(facts(maxmemory=1_100_000)) == ["", "chatcore.W131"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60", [""]),
        ("normal 0 0 0 pubsub 0 0 0", [""]),
        ("normal 0 0 0 pubsub 67108864 0 0", [""]),
        ("pubsub 1048576 0 0 normal 0 0 0", ["", "chatcore.W132"]),
        ("normal 0 0 0 pubsub 33554432 262144 60", ["", "chatcore.W132"]),
        ("", [""]),
    ],
)
def test_a_broker_that_cuts_off_early_is_warned_of(limits: str, expected: list[str]) -> None:
    assert ids(facts(**{"client-output-buffer-limit": limits})) == expected


def test_limits_that_were_not_told_are_none() -> None:
    assert pubsub_limits("normal 0 0 0") == (0, 0)
    assert pubsub_limits("normal 0 0 0 pubsub 3 2 60") == (3, 2)


# Deadlines


def test_a_look_that_hangs_is_an_error_and_keeps_what_it_found_before() -> None:
    hold = threading.Event()

    def look() -> Iterator[Finding]:
        yield SOUND
        hold.wait()

    sound, late = within_time("disk", look, 0.05)
    hold.set()
    assert sound is SOUND
    assert (late.part, late.level, late.id) == ("disk", Level.ERROR, "chatcore.E109")


def test_a_look_that_fails_is_an_error_with_the_reason() -> None:
    def look() -> Iterator[Finding]:
        yield SOUND
        raise ValueError("port must be a number")

    _, failed = within_time("broker", look)
    assert failed.id == "chatcore.E108"
    assert re.search("ValueError: port must be a number", failed.what)
