"""How often the parts of a rolling bearing are struck when one is damaged, and features that listen for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from models.features.envelope import swelling
from models.features.registry import Function, family, refuse

_SOURCE = "Randall and Antoni 2011, Rolling element bearing diagnostics, Mech. Syst. Signal Process. 25"
_FORMULA = (
    "envelope_amplitude at {told}, N = {{balls}}, d / D = {{ball}} / {{pitch}}, contact angle a = {{angle}} degrees, "
    "shaft r = {{speed}} Hz; envelope of {{low}} <= f < {{high}} Hz (none = rate / 8, rate / 2)"
)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Of a rolling bearing whose outer ring stands still.

    Attributes:
        balls: Rolling elements.
        ball: Their diameter, in the unit of `pitch`.
        pitch: Diameter of the circle of their centres.
        angle: Contact angle in degrees.

    Raises:
        ValueError: There is no such bearing.
    """

    balls: float
    ball: float
    pitch: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        if self.balls < 3 or self.balls != int(self.balls):
            refuse("bearing", "balls", self.balls, "a whole number from 3", "Count the rolling elements of one row.")
        if not 0 < self.ball < self.pitch:
            rule, fix = "above 0 and below pitch", "Take both diameters, in one unit, from the data sheet."
            refuse("bearing", "ball, pitch", (self.ball, self.pitch), rule, fix)
        if not 0 <= self.angle < 90:
            refuse("bearing", "angle", self.angle, "from 0 to below 90 degrees", "Deep groove bearings have 0.")

    @property
    def _share(self) -> float:
        return self.ball / self.pitch * math.cos(math.radians(self.angle))

    @property
    def ftf(self) -> float:
        """Fundamental train frequency, per turn of the shaft: of the cage."""
        return (1 - self._share) / 2

    @property
    def bpfo(self) -> float:
        """Ball pass frequency of the outer race, per turn of the shaft."""
        return self.balls * (1 - self._share) / 2

    @property
    def bpfi(self) -> float:
        """Ball pass frequency of the inner race, per turn of the shaft."""
        return self.balls * (1 + self._share) / 2

    @property
    def bsf(self) -> float:
        """Ball spin frequency, per turn of the shaft; a damaged ball strikes twice a spin."""
        return self.pitch / (2 * self.ball) * (1 - self._share**2)


class _Part(Protocol):
    def __call__(
        self,
        balls: float,
        ball: float,
        pitch: float,
        angle: float,
        speed: float,
        low: float | None = None,
        high: float | None = None,
    ) -> str: ...


def _part(name: str, about: str, told: str, per_turn: Callable[[Geometry], float]) -> _Part:
    """The features of one part of a bearing, which differ in how often it is struck."""

    def make(
        balls: float,
        ball: float,
        pitch: float,
        angle: float,
        speed: float,
        low: float | None = None,
        high: float | None = None,
    ) -> Function:
        if speed <= 0:
            refuse(name, "speed", speed, "above 0 turns a second", "Divide the rpm of the shaft by 60.")
        return swelling(name, per_turn(Geometry(balls, ball, pitch, angle)) * speed, low, high)

    make.__doc__, make.__qualname__ = about, name
    formula = _FORMULA.format(told=told)
    return family(name, unit="u", formula=formula, source=_SOURCE, waveform=True, spread=True)(make)


bpfo = _part("bpfo", "Damage of the outer race.", "N r (1 - d / D cos a) / 2", lambda g: g.bpfo)
bpfi = _part("bpfi", "Damage of the inner race.", "N r (1 + d / D cos a) / 2", lambda g: g.bpfi)
# A damaged ball strikes at the double of this, one of the multiples that are looked at
bsf = _part("bsf", "Damage of a ball.", "D r / (2 d) (1 - (d / D cos a)^2)", lambda g: g.bsf)
ftf = _part("ftf", "Damage of the cage.", "r (1 - d / D cos a) / 2", lambda g: g.ftf)


def bearing(
    geometry: Geometry, speed_hz: float, low: float | None = None, high: float | None = None
) -> tuple[str, str, str, str]:
    """Names of the four features of a bearing: outer race, inner race, ball, cage.

    Args:
        geometry: Of the bearing.
        speed_hz: Turns of the shaft a second; the features hold within 2 % of it.
        low: Lower edge of the band whose envelope is taken, Hz: around a resonance of the housing. None = rate / 8.
        high: Upper edge; None = half the sampling rate.

    Raises:
        ValueError: A value that cannot be.
    """
    at = (geometry.balls, geometry.ball, geometry.pitch, geometry.angle, speed_hz, low, high)
    return bpfo(*at), bpfi(*at), bsf(*at), ftf(*at)
