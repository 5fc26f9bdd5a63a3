"""[[influx]]: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_gateway.check import load_checked
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.influx_series import series

REST = """
[gateway]
site = "riverside"
name = "gw"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "press-1"
tag = "pressure"
address = "holding:100:float32:CDAB"
[[modbus.tags]]
asset = "press-1"
tag = "speed"
address = "holding:102:float32:CDAB"
[[target]]
kind = "file"
path = "cloud"
"""
V1 = '[[influx]]\nurl = "http://db:8086"\napi = "v1"\ndatabase = "plant"\n'


def write(folder: Path, influx: str) -> Path:
    (folder / "gateway.toml").write_text(REST + influx)
    return folder / "gateway.toml"


@pytest.mark.parametrize(
    ("influx", "told"),
    [
        ('[[influx]]\nurl = "http://db:8086/write"\ndatabase = "x"\norg = "o"\n', "must end with the host or port"),
        ('[[influx]]\nurl = "db:8086"\ndatabase = "x"\norg = "o"\n', "must be a URL like"),
        ('[[influx]]\nurl = "http://db"\ndatabase = "x"\n', "org: 2.x needs one"),
        (V1 + 'org = "o"\n', "org: 2.x needs one, 1.x and 3.x have none"),
        (V1 + 'api = "v4"\n', None),
        (V1 + 'token = "secret"\n', "unknown key"),
        (V1 + 'ring_quota = "1 KiB"\n', "ring_quota"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, influx: str, told: str | None) -> None:
    with pytest.raises(ConfigRejected) as caught:
        load(write(tmp_path, influx))
    assert told is None or told in str(caught.value)


def test_a_secret_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigRejected, match=r"influx\[0\]\.secret_file = .*is not there"):
        load_checked(write(tmp_path, V1 + 'secret_file = "nowhere"\n'))


def test_series_are_counted_before_the_server_has_to_hold_them(tmp_path: Path) -> None:
    config = load_checked(write(tmp_path, V1))
    assert series(config) == 2 + 4 + 40 + 1 + 50, "features, alerts, events, links, the gateway"
    with pytest.raises(ConfigRejected, match=r"influx\[0\]\.max_series = 90: the configuration makes about 97 series"):
        load_checked(write(tmp_path, V1 + "max_series = 90\n"))


def test_a_tag_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert load_checked(write(tmp_path, V1 + 'live = ["press-1/speed"]\n')).influx[0].live == ("press-1/speed",)
    with pytest.raises(ConfigRejected, match=r'influx\[0\]\.live = "press-1/sped".*Did you mean "press-1/speed"'):
        load_checked(write(tmp_path, V1 + 'live = ["press-1/sped"]\n'))


def test_the_name_of_its_queue_stays_with_address_and_database(tmp_path: Path) -> None:
    (section,) = load(write(tmp_path, V1)).influx
    assert section.name == "influx:db:8086/plant"
