"""What the demo shows at one moment; plain data between the story and the screen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Mark(StrEnum):
    """State of a step; told by shape and word, so that it reads without colour."""

    WAITING = "·"
    RUNNING = "▶"
    DONE = "✓"
    FAILED = "✗"


@dataclass(slots=True)
class Step:
    """One step of the story."""

    title: str
    mark: Mark = Mark.WAITING
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One change of state of an alert, as the screen shows it."""

    at: float
    asset: str
    rule: str
    state: str
    score: float
    latency_ms: float
    because: str


@dataclass(slots=True)
class Scene:
    """Everything on the screen.

    Attributes:
        elapsed_s: Since the start of the demo.
        samples: Received so far.
        rate: Samples a second, over the last seconds.
        placed: In windows so far.
        late: Too late so far.
        dropped: Let go so far.
        windows: Closed so far.
        backlog: Records waiting in the outbox, by lane.
        backlog_history: Total backlog, a few values a second.
        bytes_sent: Delivered so far.
        uplink: "up", "cut" or "starting".
    """

    steps: list[Step]
    elapsed_s: float = 0.0
    samples: int = 0
    rate: float = 0.0
    placed: int = 0
    late: int = 0
    dropped: int = 0
    windows: int = 0
    backlog: dict[str, int] = field(default_factory=dict)
    backlog_history: deque[int] = field(default_factory=lambda: deque(maxlen=60))
    bytes_sent: int = 0
    uplink: str = "starting"
    alerts: list[AlertRow] = field(default_factory=list)
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=6))
    injected: list[str] = field(default_factory=list)

    def step(self, title: str) -> Step:
        """The step of that title."""
        return next(step for step in self.steps if step.title == title)
