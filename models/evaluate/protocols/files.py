"""The public recordings, as their own projects lay them out; each text file may be packed by gzip."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from models.evaluate.judged import Case

SKAB_GROUPS = ("valve1", "valve2", "other")
SKAB_TRAINING = 400
SKAB_TAGS = ("vibration 1", "vibration 2", "current", "pressure", "temperature", "thermocouple", "voltage", "flow")
_TENNESSEE_COLUMNS = 52
_NORMAL = ("noc", "normal")  # of the names of files; NOC = normal operating conditions


class FolderRefused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A folder that does not hold what the protocol needs."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangedCase:
    """A run with its changepoints, bool[n]."""

    case: Case
    changed: NDArray[np.bool_]


def skab(folder: Path) -> list[ChangedCase]:
    """The 34 labelled runs of waico/SKAB (its folder, or its `data`): 8 tags, about 1 Hz with gaps."""
    data = folder / "data" if (folder / "data").is_dir() else folder
    return [_skab(path, group) for group in SKAB_GROUPS for path in _in(data / group, "*.csv")]


def skab_anomaly_free(folder: Path, training: int) -> Case:
    """Its run without faults."""
    data = folder / "data" if (folder / "data").is_dir() else folder
    return _skab(_in(data / "anomaly-free", "*.csv")[0], "anomaly-free", training).case


def _skab(path: Path, group: str, start: int = SKAB_TRAINING) -> ChangedCase:
    lines = _lines(path, ";")
    values = np.array([line[1:] for line in lines], dtype=np.float64)
    times = np.array([line[0] for line in lines], dtype="datetime64[s]")
    seconds = (times - times[0]).astype(np.float64)
    tags = len(SKAB_TAGS)
    labels = values[:, tags:] > 0 if values.shape[1] > tags else np.zeros((len(values), 2), dtype=np.bool_)
    case = Case(f"{group}/{_stem(path)}", group, values[:, :tags], labels[:, 0], seconds, 1.0, start)
    return ChangedCase(case, labels[:, 1])


def tennessee(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Rows float64[n, 52] by name ("d00", "d05_te") of the files of Braatz' Tennessee Eastman set."""
    runs: dict[str, NDArray[np.float64]] = {}
    for path in _in(folder, "d[0-9]*.dat"):
        with _open(path) as lines:
            table = np.loadtxt(lines, dtype=np.float64)
        runs[_stem(path)] = table.T if table.shape[0] == _TENNESSEE_COLUMNS else table  # one is stored on its side
    return runs


def fault_runs(folder: Path) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Runs of a process, one CSV each (a head, then numbers; a first column that is time is left out).

    Returns:
        Normal runs, which have "normal" or "NOC" in their names, the longest first; and all others.
    """
    normal: dict[str, NDArray[np.float64]] = {}
    faulty: dict[str, NDArray[np.float64]] = {}
    for path in _in(folder, "*.csv"):
        (normal if any(word in path.name.lower() for word in _NORMAL) else faulty)[_stem(path)] = _table(path)
    if not normal or not faulty:
        told = f"{folder}: {len(normal)} normal and {len(faulty)} other .csv files"
        raise FolderRefused(f"{told}; needs at least one of each, the normal ones with normal or NOC in their names")
    return dict(sorted(normal.items(), key=lambda run: -len(run[1]))), faulty


def nab(folder: Path) -> list[tuple[str, NDArray[np.float64], list[tuple[int, int]]]]:
    """Name, values and labelled windows (first and last row) of each of the streams of numenta/NAB."""
    truth = folder / "labels/combined_windows.json"
    if not truth.is_file():
        raise FolderRefused(f"{folder}: has no labels/combined_windows.json; give a checkout of numenta/NAB")
    streams = []
    for name, spans in json.loads(truth.read_text(encoding="utf-8")).items():
        path = folder / "data" / name
        lines = _lines(path if path.is_file() else path.with_name(path.name + ".gz"), ",")
        times = np.array([line[0] for line in lines], dtype="datetime64[us]")
        ends = np.array(spans, dtype="datetime64[us]").reshape(-1, 2)
        first = np.searchsorted(times, ends[:, 0])
        last = np.searchsorted(times, ends[:, 1], side="right") - 1
        windows = [(int(a), int(b)) for a, b in zip(first, last, strict=True)]
        streams.append((name, np.array([line[1] for line in lines], dtype=np.float64), windows))
    return streams


def _in(folder: Path, pattern: str) -> list[Path]:
    found = sorted({*folder.glob(pattern), *folder.glob(pattern + ".gz")})
    if not found:
        raise FolderRefused(f"{folder}: holds no {pattern} or {pattern}.gz")
    return found


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            yield lines
    else:
        with path.open(encoding="utf-8", newline="") as lines:
            yield lines


def _lines(path: Path, delimiter: str) -> list[list[str]]:
    with _open(path) as lines:
        return list(csv.reader(lines, delimiter=delimiter))[1:]


def _table(path: Path) -> NDArray[np.float64]:
    """Columns of numbers; one that rises by the same step in every row is a clock, and left out."""
    lines = _lines(path, ",")
    columns = []
    for column in zip(*lines, strict=True):
        try:
            values = np.array([cell or "nan" for cell in column], dtype=np.float64)
        except ValueError:  # a time that is no number
            continue
        steps = np.diff(values)
        if not (len(steps) and steps[0] > 0 and np.allclose(steps, steps[0])):
            columns.append(values)
    if not columns:
        raise FolderRefused(f"{path}: holds no column of numbers")
    return np.column_stack(columns)
