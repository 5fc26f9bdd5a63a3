"""A process with one normal run to learn from, and runs with a fault from a known row on: Tennessee Eastman, FCCU.

The limit sees no label. It is the one that training gives, and beside it the 99 % quantile of the scores by blocked
cross-validation with an embargo, as such tables are usually made at a fixed false alarm rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.calibrate import heldout_scores
from models.detectors.catalogue import FOLLOW_ROWS
from models.detectors.stream import StreamDetector
from models.detectors.suite import SuiteDetector
from models.evaluate.judged import Case, Judged
from models.evaluate.protocols.files import FolderRefused, fault_runs, tennessee
from models.evaluate.tables import Table, blind, line
from models.stream_training import fit_stream

QUANTILE = 0.99
WARM_UP = 20  # rows at the start of a run in which windows are not full
TENNESSEE_ONSET, TENNESSEE_EVERY_S = 160, 180.0
TENNESSEE_HARD = (3, 9, 15)
FCCU_ONSET, FCCU_EVERY_S = 120, 60.0
BUDGET = "suite, limit from the budget"
STAYS = "the same, with a centre that stays"
AT_QUANTILE = f"suite, limit = {QUANTILE:.0%} quantile of held-out scores"
ORACLE = "suite, threshold at 1.5 % of the normal test run (oracle)"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One run: flagged bool[n] from the row on that counts; `onset` counts from there, None = no fault."""

    flagged: NDArray[np.bool_]
    onset: int | None
    counts: bool
    every_s: float


def tennessee_tables(folder: Path) -> list[Table]:
    """Fit on the 500 rows of d00, judged on the 22 test files, faults from row 160."""
    runs = tennessee(folder)
    if missing := [name for name in ("d00", *(f"d{at:02d}_te" for at in range(22))) if name not in runs]:
        raise FolderRefused(f"{folder}: lacks {', '.join(missing)}")
    faulty = {f"d{at:02d}": runs[f"d{at:02d}_te"] for at in range(1, 22)}
    hard = tuple(f"d{at:02d}" for at in TENNESSEE_HARD)
    how = (
        "Fit on the 500 rows of d00. Detected: rows from 160 on, mean of 18 faults; 3, 9 and 15 are left out, as is "
        "usual: they stay at about the false alarm rate.",
    )
    cases = _cases({"d00_te": runs["d00_te"]}, faulty, runs["d00"], TENNESSEE_ONSET, TENNESSEE_EVERY_S)
    return [process_table("Tennessee Eastman", how, cases, hard)]


def fccu_tables(folder: Path, onset: int = FCCU_ONSET, every_s: float = FCCU_EVERY_S) -> list[Table]:
    """Fit on the longest normal run, judged on the other normal runs and on the fault runs.

    The onset is documented nowhere; row 120 is where the runs begin to differ from normal.
    """
    normal, faulty = fault_runs(folder)
    (name, training), *rest = normal.items()
    how = (f"Fit on {name} ({len(training)} rows); the fault of each other run from row {onset} on.",)
    return [process_table("FCCU", how, _cases(dict(rest), faulty, training, onset, every_s), ())]


def process_table(title: str, how: tuple[str, ...], cases: Sequence[Case], hard: Sequence[str]) -> Table:
    """Judge runs of one process.

    Args:
        title: Of the table.
        how: Its protocol.
        cases: With the same training rows; those with a fault have it to their end.
        hard: Names of the faults whose detection is not counted.
    """
    training = cases[0].training
    assert training is not None
    every_ns = int(cases[0].every_s * 1e9)
    tags = tuple(f"x{at}" for at in range(training.shape[1]))
    trained = fit_stream(training, tags, every_ns=every_ns, follow_rows=FOLLOW_ROWS)
    plain = StreamDetector().fit(training)
    settled = plain.smoothing_.smooth(training, plain.bounds_)[plain.smoothing_.memory :]
    suite = SuiteDetector()
    limit = float(np.quantile(heldout_scores(suite, settled, suite.embargo), QUANTILE))
    scores = [plain.anomaly_score(case.rows) for case in cases]
    budget = [case.judged(trained.detector.anomaly_score(case.rows)) for case in cases]
    stays = _at(cases, scores, trained.calibration.limit)
    verdicts = {BUDGET: budget, STAYS: stays, AT_QUANTILE: _at(cases, scores, limit)}
    quiet = [score[case.start :] for case, score in zip(cases, scores, strict=True) if not case.truth.any()]
    if quiet:
        normal = np.sort(np.concatenate(quiet))
        verdicts[ORACLE] = _at(cases, scores, float(normal[int(np.ceil(0.985 * len(normal))) - 1]))
    verdicts |= blind(cases, budget)
    lines = tuple(
        line(name, [_part(one, one.name not in hard) for one in judged], detection) for name, judged in verdicts.items()
    )
    limits = f"The limit of the third line is {limit:.3g}, of the first two {trained.calibration.limit:.3g}."
    return Table(title, (*how, limits), lines)


def detection(parts: Sequence[Part]) -> dict[str, float]:
    """Shares of rows flagged, after and before the onset and in normal runs, and faults found."""
    faults = [part for part in parts if part.onset is not None and part.counts]
    after = [part.flagged[part.onset :] for part in faults]
    before = [part.flagged[: part.onset] for part in parts if part.onset]
    normal = [part.flagged for part in parts if part.onset is None]
    found = [np.flatnonzero(flagged) for flagged in after]
    delays = [hits[0] * part.every_s for hits, part in zip(found, faults, strict=True) if len(hits)]
    return {
        "detected": _mean([float(flagged.mean()) for flagged in after]),
        "far_normal": float(np.concatenate(normal).mean()) if normal else float("nan"),
        "far_before": _mean([float(flagged.mean()) for flagged in before]),
        "found": len(delays) / len(faults) if faults else float("nan"),
        "delay_s": float(np.median(delays)) if delays else float("nan"),
        "delay_p90_s": float(np.quantile(delays, 0.9)) if delays else float("nan"),
    }


def _cases(
    normal: dict[str, NDArray[np.float64]],
    faulty: dict[str, NDArray[np.float64]],
    training: NDArray[np.float64],
    onset: int,
    every_s: float,
) -> list[Case]:
    def case(name: str, rows: NDArray[np.float64], first: int) -> Case:
        truth = np.arange(len(rows)) >= first
        time_s = np.arange(len(rows), dtype=np.float64) * every_s
        return Case(name, name, rows, truth, time_s, every_s, WARM_UP, training)

    quiet = [case(name, rows, len(rows)) for name, rows in normal.items()]
    return [*quiet, *(case(name, rows, onset) for name, rows in faulty.items())]


def _at(cases: Sequence[Case], scores: Sequence[NDArray[np.float64]], limit: float) -> list[Judged]:
    return [case.judged(score, limit) for case, score in zip(cases, scores, strict=True)]


def _part(judged: Judged, counts: bool) -> Part:  # noqa: FBT001 - a fact, and no switch
    onset = int(np.argmax(judged.truth)) if judged.truth.any() else None
    return Part(judged.flagged, onset, counts, judged.every_s)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
