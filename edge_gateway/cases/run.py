"""Finds cases and runs them; each in a folder of its own that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cloud_sink.errors import CloudSinkError
from connectors.errors import ConnectorError
from edge_gateway.cases.expected import FILE, RECORDINGS, CaseRefused, Expected, read_expected, write_expected
from edge_gateway.cases.judge import Line, judge
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.flow_file import FlowRejected
from edge_gateway.processes.flow import FlowRaised
from edge_gateway.recordings import RecordingRefused
from edge_gateway.replay.run import Replayed, load_replayed, replay
from edge_gateway.replay.source import open_recorded
from edge_gateway.tables import tag_tables
from models.errors import ModelError


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case.

    Attributes:
        folder: Of the case.
        lines: One for each alarm.
        samples: In its recording.
        updated: What came is what is expected from now on.
    """

    folder: Path
    lines: tuple[Line, ...]
    samples: int
    updated: bool = False

    @property
    def passed(self) -> bool:
        """Whether every expected alarm came, and no other."""
        return not any(line.is_wrong for line in self.lines)


def is_case(folder: Path, *, unwritten: bool = False) -> bool:
    """Whether a folder is a case: it has `expected.toml`, and a recording that this names or that is beside it.

    Args:
        folder: Any.
        unwritten: One that has a recording and lacks the expectation is one, too.
    """
    has_recording = any((folder / name).is_file() for name in RECORDINGS)
    if not (folder / FILE).is_file():
        return unwritten and has_recording
    return has_recording or "recording" in (folder / FILE).read_text(encoding="utf-8", errors="replace")


def find_cases(path: Path, *, unwritten: bool = False) -> Iterator[Path]:
    """The folder itself, or all cases below it, in order of their names."""
    if is_case(path, unwritten=unwritten):
        yield path
        return
    for folder in sorted(one for one in path.rglob("*") if one.is_dir()):
        if is_case(folder, unwritten=unwritten):
            yield folder


def run_case(folder: Path, *, update: bool = False, stop: Callable[[], bool] = lambda: False) -> CaseResult:
    """Replay the recording and hold the alarms against the expected ones.

    Args:
        folder: Of the case.
        update: Write what came as what is expected.
        stop: Asked in every pass.

    Raises:
        CaseRefused: It cannot be run; says why.
    """
    file = folder / FILE
    expected = Expected() if update and not file.is_file() else read_expected(file)
    try:
        done = _replayed(folder, expected, stop)
    except (CloudSinkError, ConfigRejected, ConnectorError, FlowRejected, ModelError, RecordingRefused) as error:
        raise CaseRefused(f"{folder}: {error}") from error
    except FlowRaised as error:
        raise CaseRefused(f"{folder}: the dataflow raised: {error}") from error
    if update:
        came = [alert for alert in done.alerts if alert.state in expected.states]
        write_expected(file, came)
        expected = read_expected(file)
    return CaseResult(folder, judge(expected, done.alerts), done.samples, update)


def _replayed(folder: Path, expected: Expected, stop: Callable[[], bool]) -> Replayed:
    config = load_replayed(folder / expected.gateway)
    names = RECORDINGS if expected.recording is None else (expected.recording,)
    recording = next((folder / name for name in names if (folder / name).exists()), None)
    if recording is None:
        raise RecordingRefused(f"lacks {' or '.join(names)}")
    recorded = open_recorded(recording, tag_tables(config), expected.asset)
    with tempfile.TemporaryDirectory(prefix="sluicegate-case-") as scratch:
        return replay(config, recorded, Path(scratch), stop=stop)
