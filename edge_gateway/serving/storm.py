"""Whether a model that was promoted lately raises more alarms than its predecessor would have been forgiven. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge_gateway.config.models import ModelsSection
from edge_gateway.config.units import duration_text
from flows.durations import to_ns


@dataclass(slots=True)
class Storm:
    """Counts the openings of one version's alarms.

    Attributes:
        settings: Of the `[models]` table.
        promoted_at: When the version became the active one, ns since the epoch.
    """

    settings: ModelsSection
    promoted_at: int
    _opened: deque[int] = field(default_factory=deque)

    def opened(self, received: int) -> str:
        """An alarm opened.

        Args:
            received: When the sample that decided it reached the gateway, ns since the epoch.

        Returns:
            Why the version must go; "" = it need not.
        """
        most, period = self.settings.storm_alarms, to_ns(self.settings.storm_period)
        if not most or received - self.promoted_at > to_ns(self.settings.probation):
            return ""
        self._opened.append(received)
        while self._opened and received - self._opened[0] > period:
            self._opened.popleft()
        if len(self._opened) <= most:
            return ""
        within = duration_text(self.settings.storm_period)
        return f"a storm of alarms: {len(self._opened)} opened within {within}, and [models] storm_alarms = {most}"
