"""The site's time zone: what is configured, else the machine's."""

import zoneinfo
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.environment import Environment
from chatproject.time_zone import machine_time_zone, time_zone


def environment(**values: str) -> Environment:
    return Environment(Path("/nonexistent/roomline.env"), values)


def test_the_configured_zone_is_taken() -> None:
    assert time_zone(environment(DJANGO_TIME_ZONE="America/Sao_Paulo"), "DJANGO_TIME_ZONE") == "America/Sao_Paulo"


def test_without_one_it_is_the_machines_and_a_zone_that_exists() -> None:
    name = time_zone(environment(), "DJANGO_TIME_ZONE")
    assert name == machine_time_zone()
    assert zoneinfo.ZoneInfo(name).key == name


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "CEST", "x\x00y"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="the name of a time zone like Europe/Berlin"):
        time_zone(environment(DJANGO_TIME_ZONE=name), "DJANGO_TIME_ZONE")
