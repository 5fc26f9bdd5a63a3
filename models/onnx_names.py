"""Names by which an exported graph and whoever runs it know each other."""

from __future__ import annotations

ROWS = "rows"  # in: float64[n, tags * features]
SCORE = "score"  # out: float64[n]
CONTRIBUTIONS = "contributions"  # out: float64[n, tags]
