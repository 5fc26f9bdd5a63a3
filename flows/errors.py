"""What can go wrong in a flow that a person has to know about."""

from __future__ import annotations


class FlowError(Exception):
    """Any error of this room."""


class StateError(FlowError):
    """Recovery state that this software cannot read.

    Attributes:
        step: Kind of step the state belongs to: "window", "alert".
        reason: What is wrong with it.
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(
            f"recovery state of the {step} step: {reason}; go back to the version that wrote it, or move the recovery "
            "folder aside to start without open windows and alerts"
        )
        self.step = step
        self.reason = reason
