"""Whether a gateway is healthy and ready, from what its processes say of themselves. Pure.

Unhealthy means that something must be restarted: a process is gone, hangs, or beats without getting on. Unready means
that the gateway does not do all that it is configured to do, for a reason that no restart removes, such as a full disk
or a refused model. A device or a cloud that cannot be reached is neither: the gateway is there to get over that, and
whoever restarts it for it only makes a gap in the data. It is told as a note.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_gateway.progress import STALL_S
from edge_gateway.status import PAGE, ROLES, SUPERVISOR, boot_id, read_status

Status = Mapping[str, Any]
Statuses = Mapping[str, Status]

BEAT_S = 30.0
"""A process writes its status twice a second; one that has not for so long hangs, or has ended."""

SILENT_S = 300.0
"""A polled link has samples even of a dead device, bad ones; none from any for so long, and its driver hangs."""

NOT_RUNNING = "not running"


@dataclass(frozen=True, slots=True)
class Now:
    """One moment by all clocks.

    Attributes:
        wall: ns since the epoch.
        mono: `time.monotonic_ns`.
        boot: `status.boot_id`.
    """

    wall: int
    mono: int
    boot: str

    @classmethod
    def read(cls) -> Now:
        """This moment."""
        return cls(time.time_ns(), time.monotonic_ns(), boot_id())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say.

    Attributes:
        wedged: By role: why that process must be restarted.
        unready: Sentences: what is not done, and why; of what is not wedged.
        notes: Sentences: what people may want to know.
    """

    wedged: Mapping[str, str] = field(default_factory=dict)
    unready: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether no restart is called for."""
        return not self.wedged

    @property
    def ready(self) -> bool:
        """Whether everything that is configured is done; never of an unhealthy gateway."""
        return self.healthy and not self.unready

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "healthy": self.healthy,
            "ready": self.ready,
            "wedged": dict(self.wedged),
            "unready": list(self.unready),
            "notes": list(self.notes),
        }

    def line(self) -> str:
        """In one line: the worst first."""
        parts = [*(f"{role}: {why}" for role, why in self.wedged.items()), *self.unready, *self.notes]
        state = "ready" if self.ready else "not ready" if self.healthy else "unhealthy"
        return "; ".join([state, *parts])


def read_statuses(folder: Path) -> dict[str, Status]:
    """Of all processes, as they are on the disk."""
    return {role: read_status(folder, role) for role in (*ROLES, PAGE, SUPERVISOR)}


def judge(statuses: Statuses, now: Now) -> Verdict:
    """The verdict of one moment.

    Args:
        statuses: As `read_statuses` has them; {} where a process never wrote one.
        now: The moment.
    """
    wedged = {role: why for role in ROLES if (why := wedged_by(role, statuses, now))}
    lively = {role: {} if role in wedged else statuses.get(role, {}) for role in ROLES}
    unready = tuple(_unready(lively, now))
    return Verdict(wedged, unready, tuple(_notes({**statuses, **lively}, now)))


def wedged_by(role: str, statuses: Statuses, now: Now) -> str:
    """Why a process must be restarted; "" = it need not. Also of the page, which has no part in the verdict."""
    status = statuses.get(role, {})
    if not status:
        return NOT_RUNNING
    if not is_alive(status, now):
        age = _age(status, now)
        return f"no sign of life for {_seconds(age)}" if age < float("inf") else NOT_RUNNING
    if _is_mute(status, now):  # what it says of its progress is old
        return ""
    if role == "acquire":
        return _acquire(status, now)
    if role == "flow":
        return _flow(status, statuses.get("acquire", {}), now)
    return _deliver(status) if role == "deliver" else ""


def is_alive(status: Status, now: Now) -> bool:
    """Whether a process has given a sign of life lately."""
    return bool(status) and (_age(status, now) <= _patience(status) or _is_mute(status, now))


def _acquire(status: Status, now: Now) -> str:
    waiting, since = int(status.get("queued", 0)), _since(status, "stored_at", now)
    if waiting and since > STALL_S and not status.get("disk_refuses"):
        return f"{waiting} samples wait, and none was written to the journal for {_seconds(since)}"
    silent = _since(status, "sampled_at", now)
    if status.get("polled") and silent > max(SILENT_S, 10 * float(status["polled"])):
        return f"no poll of any device ended for {_seconds(silent)}"
    return ""


def _flow(status: Status, acquire: Status, now: Now) -> str:
    """Stuck: it has not read what the journal had a while ago, and has not come any further for as long."""
    behind = int(acquire.get("journal_past", 0)) - int(status.get("read", 0))
    since = _since(status, "read_at", now)
    if status.get("passing") and _same_boot(acquire, now) and behind > 0 and since > STALL_S:
        return f"the journal grows, and nothing was read of it for {_seconds(since)}"
    return ""


def _deliver(status: Status) -> str:
    for name, target in status.get("targets", {}).items():
        if (overdue := float(target.get("overdue_s", 0))) > 0:
            return f"an upload to {name} hangs, {_seconds(overdue)} beyond what the slowest line takes"
    return ""


def _unready(statuses: Statuses, now: Now) -> Iterator[str]:
    for role in ROLES:
        if _is_mute(statuses[role], now):
            yield f"{role}: its status cannot be written; is the disk of the data folder full?"
    flow = statuses["flow"]
    if flow.get("lost_after_s") and (not flow.get("passing") or _age(flow, now) > BEAT_S):
        yield "flow: it waits for the other processes of its cluster"
    if statuses["acquire"].get("disk_refuses"):
        yield "journal: the disk refuses writes; samples wait in memory, and what finds no room there is dropped"
    if flow.get("outbox_full"):
        yield "outbox: the disk is full; summaries and events are dropped and counted, alerts have a reserve"
    for model in flow.get("models", ()):
        if model["role"] == "refused":
            yield f"model {model['name']}: its bundle was refused; its assets are watched by rules alone"


def _notes(statuses: Statuses, now: Now) -> Iterator[str]:
    acquire, deliver = statuses["acquire"], statuses["deliver"]
    for name, trouble in acquire.get("links", {}).items():
        if trouble:
            yield f"link {name} is down: {trouble}"
    if acquire and (silent := _since(acquire, "sampled_at", now)) > STALL_S:
        yield f"no sample came for {_seconds(silent)}"
    for name, target in deliver.get("targets", {}).items():
        if not target["uplink_up"]:
            yield f"target {name} cannot be reached ({target['trouble']}); records are kept"
    supervisor = statuses.get(SUPERVISOR, {})
    for role, count in supervisor.get("restarts", {}).items():
        if count:
            yield f"{role} was restarted {count} times"
    if refused := reload_refused(supervisor):
        yield refused


def reload_refused(supervisor: Status) -> str:
    """A sentence where the last reload was refused; "" = it was not, or there was none."""
    last = supervisor.get("reload", {})
    if last.get("result") != "refused":
        return ""
    return f"the last reload was refused, generation {last['generation']} goes on: {last['brief']}"


def _patience(status: Status) -> float:
    """Seconds without a sign of life. A process of a cluster that has lost its peers ends and begins anew by itself."""
    lost_after = float(status.get("lost_after_s", 0))
    return lost_after + 2 * BEAT_S if lost_after else BEAT_S


def _age(status: Status, now: Now) -> float:
    """Seconds since it was written; without end where that was before the last start of the machine."""
    return (now.mono - int(status["mono"])) / 1e9 if _same_boot(status, now) else float("inf")


def _same_boot(status: Status, now: Now) -> bool:
    return status.get("boot") == now.boot and "mono" in status


def _is_mute(status: Status, now: Now) -> bool:
    """Whether it lives, but cannot write what it has to say: see `StatusFile`."""
    touched = int(status.get("touched", 0))
    return bool(status) and abs(now.wall - touched) <= BEAT_S * 1e9 and touched - int(status["time"]) > 1e9


def _since(status: Status, key: str, now: Now) -> float:
    """Seconds since a monotonic time of a status; 0 where it says none."""
    at = int(status.get(key, 0))
    return max(0.0, (now.mono - at) / 1e9) if at else 0.0


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s"
