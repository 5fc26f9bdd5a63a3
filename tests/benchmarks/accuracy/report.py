"""How a figure of accuracy is told: with its goal, its interval, and what knows nothing beside it."""

from __future__ import annotations

import sys
from typing import Any

SEED = 0
DRAWS = 1000


def progress(what: str, done: int, of: int) -> None:
    print(f"accuracy: {what} {done} of {of}", file=sys.stderr, flush=True)


def result(name: str, figure: float, unit: str, goal: str, met: bool | None, **more: Any) -> dict[str, Any]:
    told = {"name": f"accuracy: {name}", "figure": figure, "unit": unit, "against": "", "ratio": None}
    return {**told, "goal": goal, "met": met, **more}


def between(interval: tuple[float, float], scale: float = 1.0) -> str:
    return f"{scale * interval[0]:.3g} to {scale * interval[1]:.3g}"
