"""What a gateway that follows a channel does next with its model. Pure: a table of what is wanted and what is.

Nothing here is quicker than a person would be allowed to: a version is a shadow for as long as the gateway asks, then
the active one, and one that failed is not tried again. The first version of a model, and one that was active before,
need no time as a shadow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from models.life.agreement import Figures
from models.life.record import Life


class Do(Enum):
    """What to do."""

    NOTHING = auto()
    FETCH = auto()
    SHADOW = auto()
    END_SHADOW = auto()
    PROMOTE = auto()
    GO_BACK = auto()  # to a version that was active before, or to one that is older
    FAIL = auto()


@dataclass(frozen=True, slots=True)
class Next:
    """The step.

    Attributes:
        do: What.
        version: With which; "" where there is none.
        why: Of FAIL, and of NOTHING where a person might wonder.
    """

    do: Do
    version: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of this gateway.

    Attributes:
        version: None = whatever it has.
        active: Whether it is to raise alarms; else it stays a shadow.
    """

    version: str | None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What is.

    Attributes:
        life: Of the model.
        counter: Of the wanted version's manifest; None = it is not in the store.
        followed: The shadow, if there is one, was set by the channel.
        figures: What the shadow showed beside the active version.
    """

    life: Life
    counter: int | None
    followed: bool
    figures: Figures


def next_step(order: Order, found: Found, least: int) -> Next:
    """One step towards what is wanted.

    Args:
        order: What is wanted.
        found: What is.
        least: Windows that a shadow must have judged.
    """
    life, version = found.life, order.version
    stray = life.shadow if life.shadow is not None and found.followed and life.shadow != version else None
    if version is None or version == life.active or version in life.failed:
        if stray is not None:
            return Next(Do.END_SHADOW, stray)
        return Next(Do.NOTHING, why=f"failed before: {life.failed[version]}" if version in life.failed else "")
    if found.counter is None:
        return Next(Do.FETCH, version)
    if not order.active:
        if life.active is None:
            return Next(Do.NOTHING, why="there is no active version to compare it with")
        return Next(Do.NOTHING if life.shadow == version else Do.SHADOW, version)
    if life.active is None:
        return Next(Do.PROMOTE, version)
    if version in life.previous or found.counter < life.counter:
        return Next(Do.GO_BACK, version)
    if life.shadow != version:
        return Next(Do.SHADOW, version)
    if why := unfit(found.figures):
        return Next(Do.FAIL, version, why)
    return Next(Do.PROMOTE if found.figures.windows >= least else Do.NOTHING, version)


MORE, LESS = 5.0, 0.2  # share of windows above the threshold, against that of the active version
SPARED = 10  # windows of difference that say nothing yet


def unfit(figures: Figures) -> str:
    """Why a shadow must not be promoted without a person; "" = it may be.

    It failed; it would alarm in more than five times as many windows as the active version, or in less than a fifth of
    them: a model that cries, or one that is blind. A few windows more or less decide nothing.
    """
    if figures.errors:
        return f"as a shadow it failed {figures.errors} times (last: {figures.last_error})"
    active, shadow = figures.only_active + figures.both, figures.only_shadow + figures.both
    told = f"it would have alarmed in {shadow} of {figures.windows} windows and the active version in {active}"
    if shadow > MORE * active + SPARED or shadow < LESS * active - SPARED:
        return f"as a shadow {told}"
    if figures.abstained > figures.windows + SPARED:
        return f"as a shadow it had no score in {figures.abstained} windows and one in {figures.windows}"
    return ""
