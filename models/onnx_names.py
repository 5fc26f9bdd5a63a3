"""Names by which an exported graph and whoever runs it know each other."""

from __future__ import annotations

ROWS = "rows"  # in: float64[n, tags * features], tag-major
SCORE = "score"  # out: float64[n]
ALARM = "alarm"  # out: bool[n], Not(LessOrEqual(score, 1.0)): true also where the score is NaN
CONTRIBUTIONS = "contributions"  # out: float64[n, tags]


def next_of(port: str) -> str:
    """Output that holds what the state port of this name becomes; float64[n, *shape], as the input is."""
    return f"{port}_next"
