"""Every query of every dashboard, asked of a real InfluxDB (Debian's 1.6.7) that the real sink has filled.

Neither Grafana itself nor InfluxDB 2 and 3 are run here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_sink.influx.client import InfluxServer, InfluxWriter
from cloud_sink.influx.ring import Ring
from cloud_sink.influx.sender import InfluxSender
from tests.cloud_sink.grafana.plant_data import MINUTES, lines
from tests.cloud_sink.grafana.queries_of import Asked, filled, queries
from tests.cloud_sink.influx.servers import PASSWORD, USER, Influx, find, influxd

ALL = list(queries())

# InfluxDB 3's InfluxQL is without these ("InfluxQL feature support").
LACKING = r"SLIMIT|SOFFSET|SHOW SERIES|CARDINALITY|SHOW DATABASES|INTEGRAL|SAMPLE|HOLT_WINTERS|\bINTO\b|EMA|RSI|KAMA"


@pytest.mark.parametrize("asked", ALL, ids=str)
def test_no_query_needs_what_influxdb_3_lacks(asked: Asked) -> None:
    assert not re.search(LACKING, asked.text)


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    if not find("influxd"):
        pytest.skip("influxd is not installed (Debian: apt install influxdb)")
    with influxd(tmp_path_factory.mktemp("influxd")) as server:
        ring = Ring(tmp_path_factory.mktemp("ring") / "influx.db", monotonic=time.monotonic)
        writer = InfluxWriter(InfluxServer(server.url, "v1", "plant"), lambda: f"{USER}:{PASSWORD}")
        ring.put(lines())
        sender = InfluxSender(ring, writer)
        while ring.lines:
            assert sender.step() == 0.0, sender.stats
        assert not sender.stats.refused
        writer.close()
        ring.close()
        yield server


@pytest.mark.integration
@pytest.mark.parametrize("asked", ALL, ids=str)
def test_every_query_is_answered(influx: Influx, asked: Asked) -> None:
    began = time.perf_counter()
    series = influx.query(filled(asked.text))
    took = time.perf_counter() - began
    assert took < 2
    assert series, "nothing to show"
    rows = [row for one in series for row in one["values"]]
    assert any(value is not None for row in rows for value in row[1:])


def answer(influx: Influx, name: str, **chosen: str) -> list[dict[str, Any]]:
    (asked,) = [one for one in ALL if str(one) == name]
    return influx.query(filled(asked.text, **chosen))


def column(series: dict[str, Any], name: str) -> list[Any]:
    return [row[series["columns"].index(name)] for row in series["values"]]


@pytest.mark.integration
class TestWhatTheySay:
    """Values against the known run."""

    def test_open_alerts_are_those_not_cleared(self, influx: Influx) -> None:
        series = answer(influx, "plant.json:Open alerts/A")
        assert [(one["tags"]["asset"], one["tags"]["rule"]) for one in series] == [("pump 2", "anomaly")]
        assert column(series[0], "now") == ["ACKED"]

    def test_machines_are_counted_once(self, influx: Influx) -> None:
        assert answer(influx, "plant.json:Assets/A")[0]["values"][0][1] == 2
        assert answer(influx, "plant.json:Assets/A", asset="pump 2")[0]["values"][0][1] == 1

    def test_the_worst_score_is_the_last_of_the_second_pump(self, influx: Influx) -> None:
        last = 0.2 + ((MINUTES - 1) / 20) ** 2
        assert answer(influx, "plant.json:Worst score/A")[0]["values"][0][1] == pytest.approx(last, rel=1e-6)

    def test_the_share_of_good_samples(self, influx: Influx) -> None:
        shares = [value for value in column(answer(influx, "plant.json:Good samples/A")[0], "sum_sum_sum") if value]
        assert shares == pytest.approx([1190 / 1200] * MINUTES)

    def test_acknowledged_after_a_minute_and_a_half(self, influx: Influx) -> None:
        assert answer(influx, "alerts.json:Acknowledged after/A")[0]["values"][0][1] == 90

    def test_rates_are_per_second(self, influx: Influx) -> None:
        received = column(answer(influx, "gateway.json:Samples/A")[0], "non_negative_derivative")
        assert [value for value in received if value is not None][1:-1] == pytest.approx([1000.0] * (MINUTES - 2))
        cores = column(answer(influx, "gateway.json:CPU/A")[0], "non_negative_derivative")
        assert cores[2] == pytest.approx(0.1)

    def test_three_processes_are_alive(self, influx: Influx) -> None:
        assert answer(influx, "gateway.json:Processes/A")[0]["values"][0][1] == 3

    def test_the_outbox_is_empty_in_two_minutes(self, influx: Influx) -> None:
        assert column(answer(influx, "gateway.json:Empty in/A")[0], "eta")[3] == pytest.approx(120.0)

    def test_variables_hold_what_there_is(self, influx: Influx) -> None:
        (signals,) = answer(influx, "asset.json:signal", asset=r"pump\-1")
        assert [value for _, value in signals["values"]] == ["flow", "head"]
