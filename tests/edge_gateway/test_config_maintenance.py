from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.maintenance import calendars

GOOD = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"

[[target]]
kind = "file"
path = "cloud"

[[modbus]]
name = "line"
transport = "tcp"
host = "127.0.0.1"
[[modbus.units]]
unit_id = 1
[[modbus.units.tags]]
asset = "pump-1"
tag = "flow"
address = "holding:100:float32:CDAB"
"""


def load_text(folder: Path, maintenance: str) -> Config:
    (folder / "gateway.toml").write_text(f"{GOOD}\n[[maintenance]]\nassets = ['pump-1']\n{maintenance}\n")
    return load(folder / "gateway.toml")


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize("quote", ['"', ""])  # TOML has dates and times of its own
def test_once_and_weekly(tmp_path: Path, quote: str) -> None:
    once = f"from = {quote}2026-05-01T06:00:00+02:00{quote}\nto = {quote}2026-05-01T08:00:00+02:00{quote}"
    look = calendars(load_text(tmp_path, once))["pump-1"].look(ns("2026-05-01T07:00+02:00"))
    assert (look.on, look.since, look.until) == (True, ns("2026-05-01T04:00Z"), ns("2026-05-01T06:00Z"))
    weekly = f'days = ["sat"]\nzone = "Europe/Berlin"\nfrom = {quote}06:00:00{quote}\nto = {quote}08:00:00{quote}'
    calendar = calendars(load_text(tmp_path, weekly))["pump-1"]
    assert calendar.look(ns("2026-05-02T07:00+02:00")).on
    assert not calendar.look(ns("2026-05-01T07:00+02:00")).on
    daily = weekly.replace('"sat"', '"daily"')
    assert calendars(load_text(tmp_path, daily))["pump-1"].look(ns("2026-05-01T07:00+02:00")).on


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('from = "06:00"\nto = "08:00"', 'from = "06:00": without days a date and time with offset; such as'),
        ('from = "2026-05-01T06:00:00"\nto = "2026-05-01T08:00:00Z"', "without days a date and time with offset"),
        ('from = "2026-05-01T06:00:00Z"\nto = "2026-05-01T06:00:00Z"', "to: must be after from"),
        ('from = "6 am"\nto = "08:00"\ndays = ["sat"]\nzone = "UTC"', 'from = "6 am": with days a time of the day'),
        ('from = "06:00"\nto = "08:00"\ndays = ["sat"]', "zone: is required with days"),
        ('from = "06:00"\nto = "08:00"\ndays = ["sat"]\nzone = "Riverside"', 'zone = "Riverside": no time zone'),
        ('from = "2026-05-01T06:00:00Z"\nto = "2026-05-01T07:00:00Z"\nzone = "UTC"', "only with days"),
        ('from = "06:00"\nto = "08:00"\ndays = ["saturday"]\nzone = "UTC"', 'For example ["sat", "sun"]'),
        ('from = "06:00"\ndays = ["sat"]\nzone = "UTC"', "maintenance[0].to: is required. Write"),
        ('form = "06:00"\nfrom = "06:00"\nto = "07:00"\ndays = ["sat"]\nzone = "UTC"', "Did you mean 'from'?"),
    ],
)
def test_problems_name_key_value_rule_and_fix(tmp_path: Path, wrong: str, told: str) -> None:
    with pytest.raises(ConfigRejected) as rejected:
        load_text(tmp_path, wrong)
    assert told in str(rejected.value)


def test_an_asset_that_nobody_has_is_refused(tmp_path: Path) -> None:
    once = 'from = "2026-05-01T06:00:00Z"\nto = "2026-05-01T07:00:00Z"\n[[maintenance]]\nassets = ["pump-2"]\n'
    with pytest.raises(ConfigRejected, match=r'maintenance\[1\].assets = "pump-2": no link has a tag of this asset'):
        load_text(tmp_path, once + 'from = "2026-05-01T06:00:00Z"\nto = "2026-05-01T07:00:00Z"')


@pytest.mark.parametrize(
    ("alerts", "told"),
    [("flood_limit = -1", "must be at least 0"), ('flapping_period = "0s"', "must be at least 1s")],
)
def test_alert_settings_are_bounded(tmp_path: Path, alerts: str, told: str) -> None:
    once = 'from = "2026-05-01T06:00:00Z"\nto = "2026-05-01T07:00:00Z"'
    with pytest.raises(ConfigRejected, match=told):
        load_text(tmp_path, f"{once}\n[alerts]\n{alerts}")
