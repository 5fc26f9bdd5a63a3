"""From somebody else's ONNX file and a recording to a bundle: judge, wrap, calibrate, prove, write, load again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.calibrate import doubts, limit_of
from models.errors import ImportRefused
from models.feature_rows import FeatureRows
from models.foreign.packing import Imported, pack
from models.foreign.read import Foreign, read_foreign
from models.foreign.running import Columns, errors_of, far_from, is_coupled, run_original
from models.foreign.wrap import Scale
from models.holdout import ScoreSummary, summary_of
from models.manifest import Calibration
from models.training_rows import judge, whole_rows

FLOAT32_OFFSET = 1e4
"""Centre over spread of a column above which float32 rounds scores by 4e-4 and more, measured on linear models with
offsets from 2e3 to 1e7 spreads; a graph in float64 is as exact at 1e7 as at 0."""

SEEN = 0.5  # share of rows a hundred spreads away that must be above the limit, or it is said


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came out of `import_model`.

    Attributes:
        bundle: Folder that was written.
        model: "name@version".
        detector: "onnx-reconstruction" or "onnx-score".
        one_by_one: It takes one row at a time.
        rows: Windows the limit was found on.
        skipped: Windows left out because a tag had no value.
        holdout: Scores of the rows kept back.
        calibration: The limit and what can be said about false alarms.
        max_relative_difference: Between the model as it came and the bundle.
        seconds: The whole of it took.
        warnings: Sentences for whoever will rely on the model.
    """

    bundle: Path
    model: str
    detector: str
    one_by_one: bool
    rows: int
    skipped: int
    holdout: ScoreSummary
    calibration: Calibration
    max_relative_difference: float
    seconds: float
    warnings: tuple[str, ...]


def import_model(
    path: Path,
    rows: FeatureRows,
    *,
    name: str,
    version: str,
    out: Path,
    output: str | None = None,
    falls: bool = False,
    counter: int = 0,
    budget_per_day: float = 1.0,
    margin: float = 1.5,
    holdout: float = 0.2,
    clock: Callable[[], float] = time.perf_counter,
) -> ImportReport:
    """Make a bundle of a model that takes such rows.

    Nothing is fitted: the limit is found on rows that the model must not have been trained on, and the last part of
    them is kept back to judge it.

    Args:
        path: Of the .onnx file.
        rows: Of normal operation; the model takes their tags and features, in this order.
        name: Of the model.
        version: Of the model.
        out: Folder of the bundle, to be made; its parent exists.
        output: Which of the model's outputs to use; None = the only one of floats.
        falls: The model's score falls where a row is unusual; ours rise.
        counter: Grows with every version of the model of this name.
        budget_per_day: False-alarm episodes of an asset and day that are acceptable.
        margin: Factor on the largest score where the rows cannot carry the budget.
        holdout: Share of the rows kept back.
        clock: Seconds.

    Raises:
        ImportRefused: The model does not fit the rows, or may not run on a gateway.
        TrainingRefused: The rows cannot carry a limit.
        BundleRejected: There is something at `out` already.
    """
    began = clock()
    foreign = read_foreign(path, len(rows.tags), len(rows.features), output)
    if foreign.reconstructs and falls:
        raise ImportRefused("--falls", "given", "the error of a reconstruction never falls", "leave it out")
    warnings: list[str] = []
    mask = whole_rows(rows.values, rows.tags, warnings)[1]
    seen = rows[mask]
    split = len(seen) - max(1, round(holdout * len(seen)))
    kept, later = seen[: max(0, split - seen.overlap * seen.together)], seen[split:]
    warnings += judge(kept.values, kept.tags, kept.features, seen.overlap * seen.together)
    columns = Columns(features_per_tag=len(rows.features)).fit(kept.flat)
    scale = Scale(columns.centre_, columns.scale_, falls=falls)
    warnings += _rounded(foreign, scale, kept)

    coupled = is_coupled(foreign, path, kept.flat, scale)
    together = not (coupled or foreign.one_by_one)
    raw = _finite(errors_of(foreign, run_original(path, foreign, kept.flat, together=together), kept.flat, scale))
    scale, calibration = _calibrated(foreign, scale, raw, kept, budget_per_day, margin)
    warnings += doubts(calibration)
    later_scores = _scores(path, foreign, scale, later.flat, together=together)
    summary = summary_of(later_scores, warnings)
    warnings += _blind(path, foreign, scale, kept, together=together)
    warnings += _slow(foreign, coupled=coupled)
    imported = Imported(
        foreign=foreign,
        scale=scale,
        one_by_one=not together,
        calibration=calibration,
        kept=kept,
        later=later,
        kept_scores=(raw - scale.zero) / (scale.limit - scale.zero),
        later_scores=later_scores,
        summary=summary,
        warnings=tuple(warnings),
        why=f"it was imported from {path.name} ({_made_by(foreign)}; SHA-256 {_digest(path)})",
    )
    packed = pack(
        imported,
        lambda flat: _scores(path, foreign, scale, flat, together=together),
        out,
        name=name,
        version=version,
        counter=counter,
    )
    return ImportReport(
        bundle=out,
        model=packed.manifest.model,
        detector=packed.manifest.detector,
        one_by_one=not together,
        rows=len(kept),
        skipped=len(rows) - len(seen),
        holdout=summary,
        calibration=calibration,
        max_relative_difference=packed.max_relative_difference,
        seconds=clock() - began,
        warnings=tuple(warnings),
    )


def _calibrated(
    foreign: Foreign, scale: Scale, raw: NDArray[np.float64], kept: FeatureRows, budget_per_day: float, margin: float
) -> tuple[Scale, Calibration]:
    """An error has a zero of its own; a score of whatever range is counted from its median, so that margins apply."""
    zero = 0.0 if foreign.reconstructs else float(np.median(raw))
    apart = raw - zero
    calibration = limit_of(
        [apart[kept.assets == asset] for asset in np.unique(kept.assets)],
        in_sample=float(apart.max()),
        blocks=1,
        embargo=0,
        every_ns=kept.window_every_ns,
        budget_per_day=budget_per_day,
        margin=margin,
    )
    return replace(scale, zero=zero, limit=zero + calibration.limit), calibration


def _scores(
    path: Path, foreign: Foreign, scale: Scale, flat: NDArray[np.float64], *, together: bool
) -> NDArray[np.float64]:
    """As the bundle must give them, computed from what the model itself gives, without the graph around it."""
    raw = errors_of(foreign, run_original(path, foreign, flat, together=together), flat, scale)
    return (raw - scale.zero) / (scale.limit - scale.zero)


def _finite(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = int(np.count_nonzero(~np.isfinite(raw)))
    if wrong:
        rule = f"{wrong} of {len(raw)} windows of the recording get none from it"
        raise ImportRefused("score", "NaN or infinite", rule, "train it on rows of this feature set, in these units")
    return raw


def _blind(path: Path, foreign: Foreign, scale: Scale, kept: FeatureRows, *, together: bool) -> list[str]:
    """Whether it rises at all where rows are far away; one that falls there is the other way round."""
    scores = _scores(path, foreign, scale, far_from(kept.flat, scale), together=together)
    if not foreign.reconstructs and np.nanmedian(scores) < 0:
        rule = "rows a hundred spreads away score below normal ones, and a higher score must be more anomalous"
        fix = "leave --falls out" if scale.falls else "add --falls if it is a score of normality (score_samples, ...)"
        raise ImportRefused("score", "falling", rule, fix)
    seen = float(np.mean(~(scores <= 1.0)))
    if seen >= SEEN:
        return []
    return [f"only {seen:.0%} of rows a hundred spreads away score above the limit: it does not see them"]


def _rounded(foreign: Foreign, scale: Scale, kept: FeatureRows) -> list[str]:
    if foreign.dtype == "float64":
        return []
    offset = np.abs(scale.centre) / scale.spread
    worst = int(np.argmax(offset))
    if offset[worst] <= FLOAT32_OFFSET:
        return []
    tag, feature = divmod(worst, len(kept.features))
    return [
        f"{kept.tags[tag]} ({kept.features[feature]}) lies {offset[worst]:.0e} spreads from 0, and the model takes "
        "float32: its scores are rounded by that; export it with float64 input and subtract the mean first"
    ]


def _slow(foreign: Foreign, *, coupled: bool) -> list[str]:
    if not (coupled or foreign.one_by_one):
        return []
    why = "rows influence one another's scores" if coupled else "it was exported for a single row"
    if coupled and any(node.op_type == "DynamicQuantizeLinear" for node in foreign.model.graph.node):
        why = "dynamic quantisation takes its range from all rows of a call"
    said = [f"it is called once for each row, since {why}; with many assets that is slow"]
    if not foreign.reconstructs:
        said.append("contributions are equal shares: it cannot be asked about copies of a row")
    return said


def _made_by(foreign: Foreign) -> str:
    made: Sequence[str] = (foreign.model.producer_name, foreign.model.producer_version)
    return " ".join(filter(None, made)) or "of an unknown maker"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
