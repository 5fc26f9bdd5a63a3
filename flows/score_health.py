"""How a model does: what is told of its troubles, and when it is not called any more. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_FAILURES = 3
"""Passes in a row without any score, after which a model is switched off. One may be chance (a machine that stalls),
two misfortune; what fails three times in a row costs its time budget in every pass to come."""

TELL_AGAIN_NS = 3600 * 10**9
"""A trouble that stays, or comes back, is told once an hour: an event for every window would be a flood of its own."""


@dataclass(slots=True)
class ScoreHealth:
    """Of one scorer, as long as it is served; a new one begins healthy, and so does every one after a restart.

    Attributes:
        failures: Passes in a row in which no row got a score for the model's fault.
        off: It is not called any more.
    """

    failures: int = 0
    off: bool = False
    _told: dict[str, int] = field(default_factory=dict)

    def went_well(self) -> None:
        """A pass gave scores."""
        self.failures = 0

    def failed(self, *, for_good: bool = False) -> None:
        """A pass gave none; `for_good` = nor will any other."""
        self.failures += 1
        self.off = for_good or self.failures >= MOST_FAILURES

    def tells(self, trouble: str, received: int) -> bool:
        """Whether this trouble is to be told now; `received` = when the samples came that brought it, ns."""
        before = self._told.get(trouble)
        if before is not None and 0 <= received - before < TELL_AGAIN_NS:
            return False
        self._told[trouble] = received
        return True
