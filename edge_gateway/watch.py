"""How the supervisor finds out that a process which still runs does not get on, and tells it to whoever asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from edge_gateway.notify import Notifier
from edge_gateway.status import PAGE, ROLES, SUPERVISOR, StatusFile
from edge_gateway.verdict import Now, Statuses, Verdict, judge, read_statuses, wedged_by

log = structlog.get_logger(__name__)

START_S = 600.0
"""What a process may need until its first sign of life: salvaging a damaged outbox of 512 MiB takes minutes."""


class Watch:
    """Looks at the statuses now and then; decides who is stuck. Keeps no process itself."""

    def __init__(
        self,
        folder: Path,
        notifier: Notifier,
        read: Callable[[Path], Statuses] = read_statuses,
        moment: Callable[[], Now] = Now.read,
        monotonic: Callable[[], float] = time.monotonic,
        told: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """Nothing is read yet.

        Args:
            folder: Of the statuses.
            notifier: To the service manager.
            read: Reads them; may take long on a disk that stalls.
            moment: The time, for the verdict.
            monotonic: Steady clock, s.
            told: More for the supervisor's own status.
        """
        self._folder = folder
        self._notifier = notifier
        self._read = read
        self._moment = moment
        self._monotonic = monotonic
        self._suspects: set[tuple[str, int]] = set()
        self._was_ready = False
        self._last: Verdict | None = None
        self._born: dict[str, tuple[int, float]] = {}
        self._wanted: set[str] = set()
        self.restarts: Counter[str] = Counter()
        self.wedges: Counter[str] = Counter()
        self._status = StatusFile(
            folder, SUPERVISOR, lambda: {"restarts": dict(self.restarts), "wedges": dict(self.wedges), **told()}
        )

    def wanted(self, role: str) -> None:
        """It is about to be started again because somebody wants that: no failure that is counted."""
        self._wanted.add(role)

    def born(self, role: str, pid: int) -> None:
        """A process was started."""
        if role in self._born and role not in self._wanted:
            self.restarts[role] += 1
        self._wanted.discard(role)
        self._born[role] = pid, self._monotonic()

    def look(self, living: Mapping[str, int]) -> dict[str, str]:
        """Look, and tell the service manager.

        Args:
            living: Number of each process that runs, by role.

        Returns:
            Why, of each that hangs and must be killed. It takes two looks: after a pause of the whole machine
            everything is late once.
        """
        statuses, now = self._read(self._folder), self._moment()
        self._tell(judge(statuses, now))
        self._status.beat()
        found = {}
        for role, pid in living.items():
            if role not in (*ROLES, PAGE):  # further processes of a cluster, which end with the first one
                continue
            if why := self._why(role, pid, statuses, now):
                found[role, pid] = why
        stuck = {role: why for (role, pid), why in found.items() if (role, pid) in self._suspects}
        self._suspects = {who for who in found if who[0] not in stuck}
        for role, why in stuck.items():
            self.wedges[role] += 1
            log.error("process_wedged", process_name=role, why=why, pid=living[role])
        if stuck:
            self._status.beat(now=True)  # whoever sees the new process sees that it is one
        return stuck

    def _why(self, role: str, pid: int, statuses: Statuses, now: Now) -> str:
        """Only what a process says itself counts against it, not what its predecessor left."""
        if statuses.get(role, {}).get("pid") == pid:
            return wedged_by(role, statuses, now)
        known, since = self._born.get(role, (pid, self._monotonic()))
        waited = self._monotonic() - since
        return f"no first sign of life for {waited:.0f} s" if known == pid and waited > START_S else ""

    def _tell(self, verdict: Verdict) -> None:
        self._notifier.status(verdict.line())
        if verdict.ready and not self._was_ready:
            self._was_ready = True
            self._notifier.ready()
        if verdict.healthy:
            self._notifier.alive()
        before, self._last = self._last, verdict
        if before is not None and (before.healthy, before.ready) == (verdict.healthy, verdict.ready):
            return
        if verdict.ready:
            log.info("gateway_ready", notes=list(verdict.notes))
        elif verdict.healthy:
            log.warning("gateway_not_ready", why=list(verdict.unready))
        elif before is not None:  # else it has just begun
            log.warning("gateway_unhealthy", why=dict(verdict.wedged))
