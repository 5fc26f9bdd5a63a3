"""Names by which an exported graph and whoever runs it know each other."""

from __future__ import annotations

ROWS = "rows"  # in: float64[n, tags * features]
SCORE = "score"  # out: float64[n], 1.0 = the limit, higher = more anomalous, NaN = none
ALARM = "alarm"  # out: bool[n], what is not known to be at most 1
CONTRIBUTIONS = "contributions"  # out: float64[n, tags], rows sum to 1
