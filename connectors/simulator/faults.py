"""The faults of the plant, as data, and the board that says which of them is how far gone at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.simulator import tags

NS = 1_000_000_000


class Fault(StrEnum):
    """What can go wrong at a pump."""

    BEARING_WEAR = "bearing_wear"
    CAVITATION = "cavitation"
    CLOGGED_FILTER = "clogged_filter"
    STUCK_SENSOR = "stuck_sensor"
    DRIFT = "drift"
    DROPOUT = "dropout"


@dataclass(frozen=True, slots=True)
class Traits:
    """What there is to know about a fault from outside.

    Attributes:
        tags: Tags of the pump on which it shows first or most.
        ramp_s: Seconds from its beginning to full severity; it grows evenly.
        meaning: One line for people.
    """

    tags: tuple[str, ...]
    ramp_s: float
    meaning: str


TRAITS: dict[Fault, Traits] = {
    Fault.BEARING_WEAR: Traits(
        ("vibration", "bearing_temperature"), 4.0, "a pitted outer race: an impact at every ball, more friction, heat"
    ),
    Fault.CAVITATION: Traits(
        ("vibration", "flow", "head"),
        3.0,
        "vapour bubbles collapse: broadband noise, less head and flow, both unsteady",
    ),
    Fault.CLOGGED_FILTER: Traits(
        ("flow", "head", "motor_current"), 5.0, "more resistance: flow and current fall, the head of the pump rises"
    ),
    Fault.STUCK_SENSOR: Traits(("winding_temperature",), 0.0, "the reading stays what it was, the noise is gone"),
    Fault.DRIFT: Traits(("head",), 6.0, "the transmitter reads more and more too high, up to 6 m"),
    Fault.DROPOUT: Traits(
        ("motor_current", "bearing_temperature"), 0.0, "an input card is dead: bad status, no value, on both protocols"
    ),
}


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault of one pump from a moment on.

    Attributes:
        fault: Which.
        asset: Which pump.
        at: ns since the epoch, or since the start of a simulation where it says so.
    """

    fault: Fault
    asset: str
    at: int


def make_injection(name: str, asset: str, at: int) -> Injection:
    """Check the names that a person gave.

    Raises:
        ValueError: Names the value and what there is.
    """
    if name not in list(Fault):
        msg = f"fault {name!r}: there is no such fault; give one of {', '.join(Fault)}"
        raise ValueError(msg)
    if asset not in tags.PUMPS:
        msg = f"asset {asset!r}: faults happen to pumps; give one of {', '.join(tags.PUMPS)}"
        raise ValueError(msg)
    return Injection(Fault(name), asset, at)


def parse_schedule(text: str) -> Injection:
    """Read `NAME@SECONDS[@ASSET]`, for example `cavitation@90` or `drift@30@pump-2`; `at` counts from the start.

    Raises:
        ValueError: Names what is wrong and how it is written.
    """
    name, _, rest = text.partition("@")
    seconds, _, asset = rest.partition("@")
    try:
        at = round(float(seconds) * NS)
    except (ValueError, OverflowError):
        at = -1
    if at < 0:
        msg = f"fault {text!r}: {seconds!r} is no time; write NAME@SECONDS[@ASSET], like cavitation@90@pump-1"
        raise ValueError(msg)
    return make_injection(name, asset or tags.DEFAULT_PUMP, at)


class FaultBoard:
    """Which faults are on, and how far each has grown. Owned and read by the station alone."""

    def __init__(self) -> None:
        self._on: dict[tuple[str, Fault], int] = {}

    def inject(self, injection: Injection) -> None:
        """Let a fault begin. One that is on already goes on as it is."""
        self._on.setdefault((injection.asset, injection.fault), injection.at)

    def clear(self) -> None:
        """End all faults at once. What they warmed cools in its own time."""
        self._on.clear()

    def severities(self, asset: str, time: int) -> dict[Fault, float]:
        """Severity, above 0 and up to 1, of the faults that have begun; empty for a healthy pump.

        Args:
            asset: A pump.
            time: ns since the epoch.
        """
        grown = {fault: _severity(fault, time - at) for (owner, fault), at in self._on.items() if owner == asset}
        return {fault: severity for fault, severity in grown.items() if severity > 0.0}


def _severity(fault: Fault, age: int) -> float:
    if age < 0:
        return 0.0
    ramp = TRAITS[fault].ramp_s * NS
    return 1.0 if age >= ramp else age / ramp
