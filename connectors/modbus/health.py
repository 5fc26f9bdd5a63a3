"""Whether a unit answers, and how often one that does not is asked. Pure: time is an argument.

On a shared line every time-out of a dead unit is taken from the others. So after two reads in a row without an answer
the unit is asked for one block only, ever less often, and never for more than a tenth of the time of the line.
"""

from __future__ import annotations

from enum import Enum

from connectors import status

SILENT_READS = 2  # unanswered in a row, all attempts of each
COST_SHARE = 10  # a probe that took 1 s is followed by at least 10 s without one


class Ask(Enum):
    """What may be asked of a unit now."""

    ALL = "all"
    ONE = "one"  # a single read, to see whether it is back
    NOTHING = "nothing"


class Health:
    """What is known of one unit.

    Attributes:
        status: Status code of its tags while it is not asked.
    """

    def __init__(self, first_ns: int, last_ns: int) -> None:
        """Begin with the best opinion.

        Args:
            first_ns: Time to the first probe of a unit that fell silent, ns; doubles with every one that fails.
            last_ns: Longest such time, ns. A probe that takes long may stretch it.
        """
        self._first_ns = first_ns
        self._last_ns = last_ns
        self._silent = 0
        self._wait_ns = 0
        self._due: int | None = None
        self._turn = 0
        self.status = status.BAD_TIMEOUT

    @property
    def quarantined(self) -> bool:
        """Whether the unit is only probed."""
        return self._due is not None

    def ask(self, now: int) -> Ask:
        """What may be asked now, monotonic ns."""
        if self._due is None:
            return Ask.ALL
        return Ask.NOTHING if now < self._due else Ask.ONE

    def probe(self, blocks: int) -> int:
        """Which of so many blocks to try: each in its turn, for a device may keep silent about one of them for good."""
        self._turn += 1
        return self._turn % blocks

    def answered(self) -> bool:
        """It spoke, be it an exception. True where it was in quarantine until now."""
        freed = self.quarantined
        self._silent, self._wait_ns, self._due = 0, 0, None
        return freed

    def unanswered(self, now: int, cost_ns: int, code: int) -> bool:
        """A read brought no answer in all its attempts.

        Args:
            now: Monotonic ns.
            cost_ns: What the last attempt took of the line.
            code: Status code to report meanwhile.

        Returns:
            True where this sends it into quarantine.
        """
        before = self.quarantined
        self._silent += 1
        if self._silent >= SILENT_READS:
            doubled = min(max(2 * self._wait_ns, self._first_ns), self._last_ns)
            self._wait_ns = max(doubled, COST_SHARE * cost_ns)
            self._due = now + self._wait_ns
            self.status = code
        return self.quarantined and not before

    def try_soon(self, now: int) -> None:
        """The line itself was made anew: what did not answer over the old one may do so now. Monotonic ns."""
        if self._due is not None:
            self._due = min(self._due, now)
