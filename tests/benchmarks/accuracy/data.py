"""The public recordings, as their own projects lay them out, each text file packed by gzip."""

from __future__ import annotations

import csv
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"  # beside the checkout
SKAB_GROUPS = ("valve1", "valve2", "other")


def folder() -> Path:
    return Path(os.environ.get("SLUICEGATE_DATA", BESIDE))


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Rows float64[n, tags], labels and changepoints bool[n], seconds float64[n] since the first row."""

    group: str
    name: str
    rows: NDArray[np.float64]
    truth: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    time_s: NDArray[np.float64]


def skab(data: Path) -> list[Recording]:
    """The 34 labelled runs (waico/SKAB): 8 tags, about 1 Hz with gaps."""
    return [_skab(path, group) for group in SKAB_GROUPS for path in sorted((data / "skab/data" / group).glob("*.gz"))]


def skab_anomaly_free(data: Path) -> Recording:
    """The run without faults."""
    return _skab(data / "skab/data/anomaly-free/anomaly-free.csv.gz", "anomaly-free")


def _skab(path: Path, group: str) -> Recording:
    lines = _lines(path, ";")
    values = np.array([line[1:] for line in lines], dtype=np.float64)
    times = np.array([line[0] for line in lines], dtype="datetime64[s]")
    seconds = (times - times[0]).astype(np.float64)
    labels = values[:, 8:] > 0 if values.shape[1] > 8 else np.zeros((len(values), 2), dtype=np.bool_)
    return Recording(group, f"{group}/{path.name.split('.')[0]}", values[:, :8], labels[:, 0], labels[:, 1], seconds)


def tennessee(data: Path, name: str) -> NDArray[np.float64]:
    """Rows float64[n, 52] of one file: "d00", "d05_te"; one of them is stored on its side."""
    with gzip.open(data / "tep" / f"{name}.dat.gz", "rt") as lines:
        table = np.loadtxt(lines)
    return table.T if table.shape[0] == 52 else table


def nab(data: Path) -> list[tuple[str, NDArray[np.float64], list[tuple[int, int]]]]:
    """Name, values and labelled windows (first and last row) of each of the 58 streams."""
    labels = json.loads((data / "nab/labels/combined_windows.json").read_text())
    streams = []
    for name, spans in labels.items():
        lines = _lines(data / "nab/data" / f"{name}.gz", ",")
        times = np.array([line[0] for line in lines], dtype="datetime64[us]")
        ends = np.array(spans, dtype="datetime64[us]").reshape(-1, 2)
        first = np.searchsorted(times, ends[:, 0])
        last = np.searchsorted(times, ends[:, 1], side="right") - 1
        windows = [(int(a), int(b)) for a, b in zip(first, last, strict=True)]
        streams.append((name, np.array([line[1] for line in lines], dtype=np.float64), windows))
    return streams


def _lines(path: Path, delimiter: str) -> list[list[str]]:
    with gzip.open(path, "rt", newline="") as lines:
        return list(csv.reader(lines, delimiter=delimiter))[1:]
