"""How much of the samples an alert carries off the site. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cloud_sink.evidence import Trace
from flows.alarms.cause import Cause
from flows.downsample import downsample


def with_curves_of(points: int, cause: Cause) -> Cause:
    """The same, with at most so many samples of each tag in its evidence; 0 = none."""
    evidence = cause.change.evidence
    if evidence is None or all(len(trace.points) <= points for trace in evidence.traces):
        return cause
    traces = tuple(_thinned(trace, points) for trace in evidence.traces) if points else ()
    return replace(cause, change=replace(cause.change, evidence=replace(evidence, traces=traces)))


def _thinned(trace: Trace, points: int) -> Trace:
    time_ms, value = np.array(trace.points, dtype=np.float64).reshape(-1, 2).T
    return replace(trace, points=downsample(np.rint(time_ms * 1e6).astype(np.int64), value, 0, points))
