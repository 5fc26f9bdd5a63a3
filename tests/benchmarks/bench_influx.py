"""What InfluxDB costs: a line against the client's `Point`, and 10,000 feature points a second into a real influxd.

The lines are those of windows of 8 tags and 12 features. The second part runs the ring and the sender as the gateway
does, beside an influxd (Debian's 1.6.7) on the same cores, at a fixed rate for some seconds. The third measures the
latency of alerts (`bench_latency`, 50,000 samples/s) alone and beside that. Without influxd both are left out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from bench_latency import GOALS_MS, SECONDS, _measure  # noqa: E402
from influxdb_client import Point, WritePrecision  # noqa: E402

from cloud_sink.influx.client import InfluxServer, InfluxWriter  # noqa: E402
from cloud_sink.influx.points import lines_of  # noqa: E402
from cloud_sink.influx.ring import Ring  # noqa: E402
from cloud_sink.influx.sender import InfluxSender  # noqa: E402
from cloud_sink.records import WindowSummary  # noqa: E402
from tests.cloud_sink.influx.servers import PASSWORD, USER, find, influxd  # noqa: E402

TAGS = tuple(f"tag_{i}" for i in range(8))
FEATURES = ("mean", "std", "min", "max", "rms", "first", "last", "slope", "skewness", "kurtosis", "change", "crest")
GOAL_TIMES, ROUNDS = 3.0, 5
RATE, RATE_SECONDS = 10_000, 10
SECOND = 10**9


def run() -> list[dict[str, Any]]:
    rows = [_lines()]
    if find("influxd"):
        rows += [_sustained(), _beside()]
    else:
        print("influxd is not installed (Debian: apt install influxdb): without the second part")
    return rows


def _windows(count: int, start: int) -> list[WindowSummary]:
    chance = np.random.default_rng(7)
    return [
        WindowSummary(
            f"asset-{i % 50}",
            start - SECOND,
            start + i // 50 * 1_000_000,
            TAGS,
            FEATURES,
            np.full(8, 100, np.int32),
            np.zeros(8, np.int32),
            np.ones(8, np.float32),
            chance.normal(size=(8, 12)).astype(np.float32),
            0.5,
            1.0,
            "suite@1",
        )
        for i in range(count)
    ]


def _as_points(window: WindowSummary) -> list[str]:
    """The same points by influxdb-client."""
    out = []
    for row, tag in enumerate(window.tags):
        point = Point("edge_feature").tag("site", "works").tag("asset", window.asset).tag("signal", tag)
        for column, name in enumerate(window.features):
            point.field(name, float(window.values[row, column]))
        point.field("n", int(window.n[row])).field("n_bad", int(window.n_bad[row]))
        out.append(point.time(window.end, WritePrecision.NS).to_line_protocol())
    score = Point("edge_score").tag("site", "works").tag("asset", window.asset).tag("model", "suite")
    score.field("score", window.score).field("threshold", 1.0).field("anomaly", False)
    out.append(score.field("model_version", "1").time(window.end, WritePrecision.NS).to_line_protocol())
    return out


def _lines() -> dict[str, Any]:
    windows = _windows(2000, time.time_ns())
    ours, theirs = [], []
    for _ in range(ROUNDS):
        begun = time.process_time()
        count = sum(len(lines_of(window, "works")) for window in windows)
        ours.append(count / (time.process_time() - begun))
        begun = time.process_time()
        count = sum(len(_as_points(window)) for window in windows)
        theirs.append(count / (time.process_time() - begun))
    return {
        "name": "influx_lines",
        "figure": median(ours),
        "unit": "lines a CPU-second, 12 features each",
        "against": "influxdb_client.Point",
        "ratio": median(ours) / median(theirs),
        "goal": f">= {GOAL_TIMES:g} times",
        "met": median(ours) / median(theirs) >= GOAL_TIMES,
        "point_lines_per_s": median(theirs),
    }


def _sustained() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, influxd(Path(folder)) as server:
        told = _feed(server.url, Path(folder), RATE_SECONDS)
        ((_, stored),) = server.query('SELECT count("n") FROM edge_feature')[0]["values"]
    rate = told["put"] / told["wall"]
    return {
        "name": "influx_sustained",
        "figure": rate,
        "unit": f"points a second for {RATE_SECONDS} s into influxd 1.6.7, by ring and sender",
        "against": f"{RATE:,} a second, all of them stored",
        "ratio": rate / RATE,
        "goal": f">= {RATE:,}",
        "met": rate >= RATE and told["written"] == told["put"] and stored >= told["put"] * 8 // 9 - 8,
        "cpu_share_percent": 100 * told["cpu"] / told["wall"],
        "most_lines_behind": told["behind"],
        "refused": told["refused"],
    }


def _feed(url: str, folder: Path, seconds: float) -> dict[str, float]:
    """Every tenth of a second a tenth of the rate, as windows close; the CPU time is without that of influxd."""
    ring = Ring(folder / "influx.db", monotonic=time.monotonic)
    writer = InfluxWriter(InfluxServer(url, "v1", "plant"), lambda: f"{USER}:{PASSWORD}")
    sender = InfluxSender(ring, writer)
    batch = _windows(RATE // 10 // 8, 0)
    began, begun, put, behind = time.perf_counter(), time.process_time(), 0, []
    for tick in range(round(seconds * 10)):
        lines = [line for window in batch for line in lines_of(_moved(window, time.time_ns()), "works")]
        ring.put(lines)
        put += len(lines)
        while sender.step() == 0.0 and ring.lines:
            pass
        behind.append(ring.lines)
        time.sleep(max(0.0, began + (tick + 1) / 10 - time.perf_counter()))
    wall, cpu = time.perf_counter() - began, time.process_time() - begun
    writer.close()
    ring.close()
    stats = sender.stats
    return {
        "put": put,
        "wall": wall,
        "cpu": cpu,
        "behind": max(behind),
        "written": stats.written,
        "refused": stats.refused.total(),
    }


def _beside() -> dict[str, Any]:
    alone = _p99_ms()
    with tempfile.TemporaryDirectory() as folder, influxd(Path(folder)) as server:
        command = [sys.executable, __file__, server.url, folder, str(SECONDS + 2)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as feeding:
            beside = _p99_ms()
            feeding.wait(60)
    return {
        "name": "influx_beside_alerts",
        "figure": beside,
        "unit": f"ms, p99 of alerts at 50,000 samples/s beside {RATE:,} points a second into influxd",
        "against": f"alone: {alone:.2f} ms",
        "ratio": beside / alone,
        "goal": f"<= {GOALS_MS[99]:g} ms, as without",
        "met": beside <= GOALS_MS[99],
    }


def _p99_ms() -> float:
    results, _, _ = _measure("window")
    flowed = results["flow"]
    return float(np.percentile(np.array(flowed["before_put_ms"]) + np.array(flowed["put_ms"]), 99))


def _moved(window: WindowSummary, end: int) -> WindowSummary:
    """The same window at another time; every asset has a time of its own, so that no point replaces another."""
    return WindowSummary(
        window.asset,
        end - SECOND,
        end + (window.end % SECOND),
        window.tags,
        window.features,
        window.n,
        window.n_bad,
        window.coverage,
        window.values,
        window.score,
        window.threshold,
        window.model,
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(_feed(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
    else:
        for result in run():
            print(result)
