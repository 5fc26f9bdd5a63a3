"""When a staged rollout goes on and when it halts, judged by what the gateways of the stage delivered. Pure.

No server decides: whoever holds the key runs this by hand or every hour, with the events that lie in the bucket. What a
gateway does by itself (roll back, not try again) needs none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from models.channel import Channel, Pick, Rollout

What = Literal["begun", "promoted", "trouble", "alarm"]
BEGUN = ("added", "shadowed")
TROUBLES = ("rolled_back", "failed", "refused")
"""Reasons of events of kind `model` that say that a version does not do on a gateway."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one gateway told of the version.

    Attributes:
        gateway: "site/name".
        at: When, ns since the epoch, by the gateway's clock.
        what: "begun": it is in the store, or a shadow. "promoted": it raises alarms from now on. "trouble": one of
            `TROUBLES`. "alarm": one of its alarms opened.
        detail: For people.
    """

    gateway: str
    at: int
    what: What
    detail: str = ""


class Then(StrEnum):
    """What comes of it."""

    WAIT = "wait"
    ADVANCE = "advance"
    HALT = "halt"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do.

    Attributes:
        then: What.
        why: One sentence for people.
        serving: Gateways that serve the version and are not in trouble.
        troubled: Gateways in trouble, and why.
        channel: The next issue, but for counter and times; None = leave it.
    """

    then: Then
    why: str
    serving: tuple[str, ...]
    troubled: dict[str, str]
    channel: Channel | None = None


def begin(channel: Channel, wanted: Pick, rollout: Rollout) -> Channel:
    """The first stage of a rollout: those who are not chosen keep what the channel wanted before.

    Raises:
        ValueError: The version is the one that all have, was halted, or another rollout is under way.
    """
    if channel.rollout is not None and channel.wanted != wanted:
        msg = f"{channel.model} is being rolled out, at {channel.percent} %; roll it back first, or let it finish"
        raise ValueError(msg)
    if wanted.version in channel.halted:
        msg = f"{channel.name}@{wanted.version} was halted: {channel.halted[wanted.version]}; give a new version"
        raise ValueError(msg)
    if wanted == channel.wanted and channel.whole:
        msg = f"{channel.model} is what all have already"
        raise ValueError(msg)
    return replace(
        channel,
        wanted=wanted,
        others=channel.served_by_all,
        mode="active",
        percent=rollout.stages[0],
        rollout=rollout,
        sites=(),
    )


def decide(channel: Channel, reports: Iterable[Report], now: int) -> Decision:
    """What to do with a rollout.

    Args:
        channel: As it was issued last; has a rollout.
        reports: About its version, in any order; a repeat counts twice.
        now: ns since the epoch.
    """
    plan = channel.rollout
    if plan is None:
        return Decision(Then.DONE, f"{channel.model} is not being rolled out", (), {})
    known = sorted((one for one in reports if one.at >= plan.begun), key=lambda one: one.at)
    troubled = _troubled(plan, known)
    promoted = {one.gateway: one.at for one in known if one.what == "promoted"}
    serving = tuple(sorted(promoted.keys() - troubled.keys()))
    if len(troubled) >= plan.halt_gateways:
        return _halted(channel, troubled, serving)
    told = f"{len(serving)} gateways serve it, {len(troubled)} are in trouble"
    if not serving:
        return Decision(Then.WAIT, f"no gateway of {channel.percent} % has told that it serves it", serving, troubled)
    newcomers = {one.gateway for one in known if one.at >= channel.issued and one.what in ("begun", "promoted")}
    ready = {gateway: at for gateway, at in promoted.items() if gateway in newcomers and at >= channel.issued}
    if 2 * len(ready.keys() | (troubled.keys() & newcomers)) < len(newcomers):
        told += f"; of {len(newcomers)} that took it up at {channel.percent} %, {len(ready)} serve it"
        return Decision(Then.WAIT, told, serving, troubled)
    # From the first that serves it in this stage on. It may be that nobody new falls into a stage: one soak longer.
    since = min(ready.values(), default=channel.issued + plan.soak_ns)
    if now < since + plan.soak_ns:
        left = (since + plan.soak_ns - now) / 1e9
        return Decision(Then.WAIT, f"{told}; {channel.percent} % soak for {left:.0f} s more", serving, troubled)
    later = [stage for stage in plan.stages if stage > channel.percent]
    if not later:
        after = replace(channel, rollout=None, others=None)
        return Decision(Then.DONE, f"{told}; all have it", serving, troubled, after)
    why = f"{told}, and {channel.percent} % were quiet for {plan.soak_ns / 1e9:.0f} s: on to {later[0]} %"
    return Decision(Then.ADVANCE, why, serving, troubled, replace(channel, percent=later[0]))


def give_up(channel: Channel, why: str) -> Channel:
    """All go back to what the others have; without others, nobody new takes the version."""
    halted = {**channel.halted, channel.wanted.version: why}
    if channel.others is None:
        return replace(channel, percent=0, rollout=None, halted=halted)
    return replace(channel, wanted=channel.others, others=None, percent=100, rollout=None, halted=halted)


def _troubled(plan: Rollout, reports: Iterable[Report]) -> dict[str, str]:
    troubled: dict[str, str] = {}
    alarms: Counter[str] = Counter()
    for one in reports:
        if one.what == "trouble":
            troubled.setdefault(one.gateway, one.detail)
        alarms[one.gateway] += one.what == "alarm"
    for gateway, count in alarms.items():
        if count > plan.halt_alarms:
            troubled.setdefault(gateway, f"{count} of its alarms opened, and {plan.halt_alarms} are allowed")
    return dict(sorted(troubled.items()))


def _halted(channel: Channel, troubled: dict[str, str], serving: tuple[str, ...]) -> Decision:
    first, detail = next(iter(troubled.items()))
    why = f"halted at {channel.percent} %: {len(troubled)} gateways are in trouble; {first}: {detail}"
    return Decision(Then.HALT, why, serving, troubled, give_up(channel, why))
