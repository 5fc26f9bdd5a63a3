"""The sink against real servers: Debian's InfluxDB 1.6.7 by its own API and through a shim by those of 2.x and 3.x."""

from __future__ import annotations

import gzip
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cloud_sink.influx.client import Api, InfluxServer, InfluxWriter
from cloud_sink.influx.points import GATEWAY, Health, lines_of
from cloud_sink.influx.ring import Ring
from cloud_sink.influx.sender import InfluxSender
from cloud_sink.records import Alert, Event, WindowSummary
from tests.cloud_sink.influx.servers import PASSWORD, TOKEN, USER, Influx, find, influxd, shim, victoria_metrics

pytestmark = pytest.mark.integration
NOW = time.time_ns() // 1000 * 1000
SECOND = 10**9
SECRETS: dict[Api, str] = {"v1": f"{USER}:{PASSWORD}", "v2": TOKEN, "v3": TOKEN}


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    if not find("influxd"):
        pytest.skip("influxd is not installed (Debian: apt install influxdb)")
    with influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture(scope="module")
def shim_port(influx: Influx) -> Iterator[int]:
    with shim(influx) as port:
        yield port


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    one = Ring(tmp_path / "influx.db", monotonic=time.monotonic)
    yield one
    one.close()


@pytest.fixture
def database(influx: Influx, request: pytest.FixtureRequest) -> str:
    """One of its own for each test."""
    name = "".join(letter for letter in request.node.name if letter.isalnum())
    influx.query(f'CREATE DATABASE "{name}" WITH DURATION 1d')
    return name


@pytest.fixture(params=["v1", "v2", "v3"])
def writer(request: pytest.FixtureRequest, influx: Influx, shim_port: int, database: str) -> Iterator[InfluxWriter]:
    api: Api = request.param
    url = influx.url if api == "v1" else f"http://127.0.0.1:{shim_port}"
    one = InfluxWriter(InfluxServer(url, api, database, "works"), lambda: SECRETS[api])
    yield one
    one.close()


def send(ring: Ring, writer: InfluxWriter) -> InfluxSender:
    sender = InfluxSender(ring, writer)
    while ring.lines:
        assert sender.step() == 0.0, sender.stats
    return sender


def summary(score: float = 0.5) -> WindowSummary:
    return WindowSummary(
        "pump 1",
        NOW - 60 * SECOND,
        NOW,
        ("flow", "ön,off=1"),
        ("mean", "quantile:0.9"),
        np.array([600, 0], np.int32),
        np.array([0, 3], np.int32),
        np.ones(2, np.float32),
        np.array([[1.25, 2.5], [np.nan, np.nan]], np.float32),
        score,
        1.0,
        "suite@3",
    )


def test_records_are_read_back_as_they_were(influx: Influx, ring: Ring, writer: InfluxWriter, database: str) -> None:
    alert = Alert(
        "pump 1", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", NOW, NOW, NOW, (("flow", 0.9),), 'says "no"\nmore'
    )
    event = Event("", "gap", "link_down", NOW - SECOND, NOW, 3, "plc", "why, so")
    health = Health(GATEWAY, (), {"queued": 3, "uplink": True, "cpu": 0.5}).line("works", "gw", NOW)
    lines = [line for record in (summary(), summary(float("nan")), alert, event) for line in lines_of(record, "works")]
    ring.put([*lines, health])
    assert send(ring, writer).stats.written == len(lines) + 1

    (features,) = influx.query(
        'SELECT "mean", "quantile:0.9", n, n_bad FROM edge_feature WHERE signal = \'flow\'', database
    )
    assert features["values"] == [[NOW, 1.25, 2.5, 600, 0]]
    (other,) = influx.query("SELECT * FROM edge_feature WHERE signal = 'ön,off=1'", database)
    assert dict(zip(other["columns"], other["values"][0], strict=True))["n_bad"] == 3
    (score,) = influx.query("SELECT * FROM edge_score", database)
    told = dict(zip(score["columns"], score["values"][0], strict=True))
    assert told["model_version"] == "3"
    assert told["asset"] == "pump 1"
    assert told["abstained"] is True, "the later one at the same time wins, field by field"
    (found,) = influx.query("SELECT * FROM edge_alert", database)
    assert dict(zip(found["columns"], found["values"][0], strict=True)) | {"time": 0} == {
        "time": 0,
        "alarm_state": "",
        "asset": "pump 1",
        "by": "",
        "detail": 'says "no"\nmore',
        "id": alert.alert_id,
        "open_s": 0,
        "rule": "anomaly",
        "score": 1.5,
        "severity": "alarm",
        "site": "works",
        "state": "opened",
        "tags": "flow",
        "threshold": 1,
    }
    assert len(influx.query("SELECT * FROM edge_event WHERE kind = 'gap'", database)[0]["values"]) == 1
    assert influx.query("SELECT uplink FROM edge_gateway", database)[0]["values"][0][1] is True


def test_twice_is_once(influx: Influx, ring: Ring, writer: InfluxWriter, database: str) -> None:
    for _ in range(2):
        ring.put(lines_of(summary(), "works"))
        send(ring, writer)
    (count,) = influx.query("SELECT count(n) FROM edge_feature", database)
    assert count["values"][0][1] == 2


def test_good_lines_of_a_bad_batch_arrive(influx: Influx, ring: Ring, writer: InfluxWriter, database: str) -> None:
    ring.put([f"m,a=b x=1 {NOW}"])
    send(ring, writer)
    ring.put([f"m,a=b x=1i {NOW + 1}", f"m,a=b x=2 {NOW + 2}", f"m,a=b x=oh {NOW + 3}", f"m,a=b x=3 {NOW + 4}"])
    sender = send(ring, writer)
    assert sender.stats.refused.total() >= 1
    (found,) = influx.query("SELECT x FROM m", database)
    assert [value for _, value in found["values"]] == [1, 2, 3]


def test_what_is_older_than_the_retention_is_counted(ring: Ring, writer: InfluxWriter) -> None:
    ring.put([f"m,a=b x=1 {NOW - 48 * 3600 * SECOND}", f"m,a=b x=2 {NOW}"])
    sender = send(ring, writer)
    assert sender.stats.refused == {"retention": 1}
    assert sender.stats.written == 1


@pytest.mark.parametrize(
    ("api", "database", "secret", "trouble"),
    [
        ("v1", "plant", "gateway:wrong", "credentials"),
        ("v1", "nobody", SECRETS["v1"], "database_missing"),
        ("v2", "plant", "wrong", "credentials"),
        ("v3", "nobody", TOKEN, "database_missing"),
    ],
)
def test_what_a_person_has_to_mend_holds_everything(
    influx: Influx, shim_port: int, ring: Ring, api: Api, database: str, secret: str, trouble: str
) -> None:
    url = influx.url if api == "v1" else f"http://127.0.0.1:{shim_port}"
    writer = InfluxWriter(InfluxServer(url, api, database, "works"), lambda: secret)
    ring.put([f"m x=1 {NOW}"])
    sender = InfluxSender(ring, writer)
    assert sender.step() > 0
    assert sender.stats.trouble == trouble
    assert secret not in writer.write(gzip.compress(b"m x=1")).body
    assert ring.lines == 1
    writer.close()


def test_nobody_there(ring: Ring) -> None:
    writer = InfluxWriter(InfluxServer("http://127.0.0.1:9", "v2", "plant", "works"), lambda: TOKEN)
    ring.put(["m x=1"])
    sender = InfluxSender(ring, writer)
    sender.step()
    assert sender.stats.trouble == "unreachable"
    writer.close()


@pytest.mark.slow
def test_victoria_metrics_takes_the_writes_of_the_client(tmp_path: Path, ring: Ring) -> None:
    if not find("victoria-metrics"):
        pytest.skip("victoria-metrics is not installed (Debian: apt install victoria-metrics)")
    with victoria_metrics(tmp_path / "vm") as port:
        writer = InfluxWriter(InfluxServer(f"http://127.0.0.1:{port}", "v2", "plant", "works"), lambda: "")
        ring.put(lines_of(summary(), "works"))
        send(ring, writer)
        read = exported(port, '{__name__="edge_feature_mean"}')
        assert '"asset":"pump 1"' in read
        assert "1.25" in read
        writer.close()


def exported(port: int, match: str, within: Callable[[], float] = time.monotonic) -> str:
    """What the server has once it shows it: written points are visible after a second."""
    until = within() + 20
    query = urllib.parse.urlencode({"match": match})
    while within() < until:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/export?{query}", timeout=10) as answer:
            if text := answer.read().decode():
                return str(text)
        time.sleep(0.2)
    raise AssertionError(match)
