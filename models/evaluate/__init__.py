"""How good a detector is, in figures that say what they mean: pure functions of scores, alarms and labels.

No figure here is point-adjusted: with point adjustment (one hit marks the whole event as found) a random score reaches
the top of the tables (Kim et al., "Towards a Rigorous Evaluation of Time-Series Anomaly Detection", AAAI 2022).
"""

from __future__ import annotations
