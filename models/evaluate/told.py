"""Figures as people read them."""

from __future__ import annotations

import math

from models.evaluate.legend import FIGURES

_MINUTE, _HOUR = 60.0, 3600.0


def figure_told(key: str, value: float) -> str:
    """A figure of `legend.FIGURES` with its unit; "-" where it does not apply."""
    if not math.isfinite(value):
        return "-"
    unit = FIGURES[key].unit
    if unit == "%":
        return f"{100.0 * value:.1f} %"
    if unit == "s":
        return _time_told(value)
    if unit == "/day":
        return f"{value:.3g}/day"
    return f"{value:.1f}" if key.startswith(("nab", "changes")) else f"{value:.3f}"


def _time_told(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} s"
    return f"{seconds / _MINUTE:.3g} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.3g} h"
