"""Times as people write them."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings

from chatcli import times

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMLINE_CALLER_TZ", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_lengths_of_time(text: str, length: timedelta) -> None:
    assert times.duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "5", "0s", "-1h", "1w", "1h30m", "1.5h", " 1h", "1H", "٣h", "999999999999d", "36501d"]
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        times.duration(text)


@pytest.mark.parametrize(("text", "value"), [("10", 10.0), ("0.5", 0.5), ("5m", 300.0)])
def test_times_to_wait(text: str, value: float) -> None:
    assert times.seconds(text) == value


@pytest.mark.parametrize(
    "text", ["0", "0.0", "-1", "nan", "inf", "1e3", "", "x", "0s", "1_0", "2000001", "24d", "99999999999"]
)
def test_what_is_no_time_to_wait_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        times.seconds(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-22", "2026-11-21T23:00:00"),
        ("2026-11-22 18:30", "2026-11-22T17:30:00"),
        ("2026-07-22 18:30:05", "2026-07-22T16:30:05"),
        ("2026-11-22T18:30", "2026-11-22T17:30:00"),
        ("2026-11-22T18:30:00Z", "2026-11-22T18:30:00"),
        ("2026-11-22t18:30:00z", "2026-11-22T18:30:00"),
        ("2026-11-22T18:30:00.250-05:00", "2026-11-22T23:30:00.250"),
        ("1763791200", "2025-11-22T06:00:00"),
        ("1763791200.5", "2025-11-22T06:00:00.5"),
        ("2026-03-29 02:30:00+01:00", "2026-03-29T01:30:00"),
    ],
)
def test_moments(text: str, utc: str) -> None:
    assert times.moment(text, BERLIN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "-1",
        "",
        "5",
        "2026-13-01",
        "2026-02-30",
        "2026-11-22 25:00",
        "2026-11-22 18:60",
        "20261122",
        "2026-W47",
        "18:30",
        "0000-01-01",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        times.moment(text, BERLIN)


def test_an_hour_that_clocks_leave_out_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="does not exist in Europe/Berlin"):
        times.moment("2026-03-29 02:30", BERLIN)


def test_an_hour_that_clocks_show_twice_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="comes twice in Europe/Berlin"):
        times.moment("2026-10-25 02:30", BERLIN)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31 23:59"])
def test_the_ends_of_the_calendar_do_not_overflow(text: str) -> None:
    try:
        times.moment(text, ZoneInfo("Asia/Tokyo"))
        times.moment(text, ZoneInfo("America/New_York"))
    except ArgumentTypeError:
        pass


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"])
def test_a_moment_that_no_calendar_can_show_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="no such year"):
        times.since(text)
    with pytest.raises(ArgumentTypeError, match="no such year"):
        times.until(text, since=None, ahead=True)
    with pytest.raises(ArgumentTypeError, match=r"no such year|too far away"):
        times.future(text)


def test_since_a_length_of_time_is_so_long_ago() -> None:
    before, found, after = datetime.now(UTC), times.since("1h"), datetime.now(UTC)
    assert before - timedelta(hours=1) <= found <= after - timedelta(hours=1)


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("clock", ["00:00", "06:15", "23:59"])
def test_since_a_time_of_day_is_the_last_one(clock: str) -> None:
    found, now = times.since(clock), datetime.now(UTC)
    assert f"{found.astimezone(BERLIN):%H:%M}" == clock
    assert timedelta(0) <= now - found <= timedelta(hours=25)


@pytest.mark.parametrize("text", ["24:00", "12:60", "2999-01-01", "2999-01-01T00:00:00Z", "99999999999"])
def test_since_what_is_no_time_or_has_not_come_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        times.since(text)


def test_in_the_future_a_length_of_time_is_from_now_on() -> None:
    before, found, after = datetime.now(UTC), times.future("2h"), datetime.now(UTC)
    assert before + timedelta(hours=2) <= found <= after + timedelta(hours=2)


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("clock", ["00:00", "06:15", "23:59"])
def test_in_the_future_a_time_of_day_is_the_next_one(clock: str) -> None:
    now, found = datetime.now(UTC), times.future(clock)
    assert f"{found.astimezone(BERLIN):%H:%M}" == clock
    assert timedelta(0) < found - now <= timedelta(hours=25)


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2001-01-01", "is over"),
        ("2001-01-01T00:00:00Z", "is over"),
        ("1763791200", "is over"),
        ("9999-12-31 23:59", "too far away"),
        ("9999-12-31T23:59:59-23:00", "too far away"),
        ("24:00", "hours go from 00 to 23"),
        ("tomorrow", "is no time"),
        ("5", "for 5 minutes write 5m"),
        ("2099-03-29 02:30", "does not exist in Europe/Berlin"),
        ("2099-10-25 02:30", "comes twice in Europe/Berlin"),
    ],
)
def test_in_the_future_what_is_over_or_no_time_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ArgumentTypeError, match=reason):
        times.future(text)


def test_an_expiry_is_a_length_of_time_or_a_moment_to_come() -> None:
    assert times.duration_or_future("2h") == timedelta(hours=2)
    assert times.duration_or_future("2099-01-01T00:00:00Z") == datetime(2099, 1, 1, tzinfo=UTC)
    with pytest.raises(ArgumentTypeError, match="is over"):
        times.duration_or_future("2001-01-01")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than a second"),
        (1, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3605, "1 h"),
        (11_519.6, "3 h 12 min"),
        (10_799.9, "3 h"),
        (86_400, "1 d"),
        (93_784, "1 d 2 h"),
        (864_000, "10 d"),
    ],
)
def test_a_length_of_time_is_told_by_its_largest_units(seconds: float, text: str) -> None:
    assert times.lasting(seconds) == text


@pytest.mark.parametrize(
    ("variable", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (":Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("", "America/Chicago"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "America/Chicago"),
        ("../../etc/passwd", "America/Chicago"),
    ],
)
def test_the_callers_zone_is_tz_or_the_sites(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, variable: str, zone: str
) -> None:
    settings.TIME_ZONE = "America/Chicago"
    monkeypatch.setenv("ROOMLINE_CALLER_TZ", variable)
    assert str(times.caller_zone()) == zone


def test_without_tz_the_callers_zone_is_the_sites(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.TIME_ZONE = "America/Chicago"
    monkeypatch.delenv("ROOMLINE_CALLER_TZ", raising=False)
    assert str(times.caller_zone()) == "America/Chicago"
