"""Which steps a model may take, and where they lead. Pure: no clock, no disk.

A version is stored, becomes the shadow, then the active one. What was active before it is where a roll-back goes. A
version that failed is not tried again unless a person forces it and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.errors import LifeRefused
from models.life.agreement import Figures
from models.life.record import Change, Life, Lives, Step

KEPT_PREVIOUS = 2
KEPT_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants a step, and why.

    Attributes:
        at: ns since the epoch.
        by: Who; "" = the gateway itself.
        why: A sentence; "" where the step says it all.
        force: Take it although a rule forbids it; needs `why`.
    """

    at: int
    by: str = ""
    why: str = ""
    force: bool = False


def added(lives: Lives, name: str, version: str, asked: Asked) -> Lives:
    """A bundle was put into the store."""
    return _with(lives, name, lives.of(name), version, Step.ADDED, asked)


def shadow(lives: Lives, name: str, version: str | None, counter: int, asked: Asked) -> Lives:
    """Let a version score beside the active one; None = no more shadow.

    Raises:
        LifeRefused: There is nothing to shadow, it is the active one, it failed, or its counter is old.
    """
    life = lives.of(name)
    if version is None:
        if life.shadow is None:
            raise LifeRefused(name, "has no shadow", "see `sluicegate model list`")
        return _with(lives, name, replace(life, shadow=None), life.shadow, Step.SHADOW_ENDED, asked)
    model = f"{name}@{version}"
    if life.active is None:
        raise LifeRefused(model, "has no active version beside it to be compared with", "promote it")
    if version in (life.active, life.shadow):
        raise LifeRefused(model, f"is the {'active' if version == life.active else 'shadow'} one", "name another")
    life = _allowed(life, name, version, counter, asked)
    return _with(lives, name, replace(life, shadow=version), version, Step.SHADOWED, asked)


def promote(lives: Lives, name: str, version: str, counter: int, figures: Figures, least: int, asked: Asked) -> Lives:
    """Let a version raise alarms from the next window on. The first of a model needs no time as a shadow.

    Args:
        lives: As they are.
        name: Of the model.
        version: Which.
        counter: Of its manifest.
        figures: What it showed as a shadow.
        least: Windows it must have scored beside the active one.
        asked: Who and why.

    Raises:
        LifeRefused: A rule forbids it; `force` with a reason overrides all but "is active already".
    """
    life, model = lives.of(name), f"{name}@{version}"
    if version == life.active:
        raise LifeRefused(model, "is the active one", "name another")
    if life.active is not None and not asked.force:
        if version != life.shadow:
            fix = f"run `sluicegate model shadow {model}` first, or --force with --reason"
            raise LifeRefused(model, f"has not run as a shadow beside {life.active}", fix)
        if figures.windows < least:
            rule = (
                f"its shadow has judged {figures.windows} windows of the {least} that [models] shadow_windows asks for"
            )
            raise LifeRefused(model, rule, "wait, or --force with --reason")
        if figures.errors:
            rule = f"its shadow failed {figures.errors} times (last: {figures.last_error})"
            raise LifeRefused(model, rule, "train another one, or --force with --reason")
    life = _allowed(life, name, version, counter, asked)
    previous = tuple(one for one in (life.active, *life.previous) if one not in (None, version))
    risen = replace(
        life,
        active=version,
        shadow=None if life.shadow == version else life.shadow,
        previous=tuple(str(one) for one in previous[:KEPT_PREVIOUS]),
        counter=max(counter, life.counter),
        promoted_at=asked.at,
    )
    return _with(lives, name, risen, version, Step.PROMOTED, asked)


def back_to(lives: Lives, name: str, version: str, asked: Asked) -> Lives:
    """Serve a version again that was active before, since its publisher says so. What is left has not failed here.

    Raises:
        LifeRefused: It was not active before, or failed.
    """
    life, model = lives.of(name), f"{name}@{version}"
    if version not in life.previous:
        raise LifeRefused(model, "was not active before", "promote it")
    life = _allowed(life, name, version, life.counter, asked)
    back = replace(
        life,
        active=version,
        shadow=life.shadow if life.shadow != version else None,
        previous=tuple(one for one in life.previous if one != version),
        promoted_at=0,  # as after a roll-back
    )
    return _with(lives, name, back, version, Step.PROMOTED, asked)


def noted(lives: Lives, name: str, what: str, step: Step, asked: Asked) -> Lives:
    """Something was refused or has grown old: nothing changes, and an event tells it.

    Args:
        lives: As they are.
        name: Of the model.
        what: Version, or the channel it is about.
        step: What happened.
        asked: When, by whom, why.
    """
    return _with(lives, name, lives.of(name), what, step, asked)


def roll_back(lives: Lives, name: str, asked: Asked) -> Lives:
    """Go back to the version before; the one that was active is not tried again by itself.

    Raises:
        LifeRefused: There is none before it.
    """
    life = lives.of(name)
    if life.active is None or not life.previous:
        fix = "add and promote another version, or leave the model out of the configuration"
        raise LifeRefused(name, "has no version to go back to", fix)
    left, why = life.active, asked.why or "somebody asked for it"
    back = replace(
        life,
        active=life.previous[0],
        previous=life.previous[1:],
        shadow=life.shadow if life.shadow != life.previous[0] else None,
        failed={**life.failed, left: why},
        promoted_at=0,  # it has proven itself: no probation, or a broken plant would send it away as well
    )
    told = replace(asked, why=f"{why}; {name}@{back.active} is active again")
    return _with(lives, name, back, left, Step.ROLLED_BACK, told)


def fail(lives: Lives, name: str, version: str, asked: Asked) -> Lives:
    """The gateway could not go on with a version: a shadow ends, an active one is rolled back if there is one before.

    Without one before, a version that runs badly stays active, for a model that abstains tells more than none; one
    that cannot be loaded at all (`force`) goes.
    """
    life = lives.of(name)
    if version == life.shadow:
        before = tuple(one for one in life.previous if one != version)  # no longer a place to go back to
        ended = replace(life, shadow=None, previous=before, failed={**life.failed, version: asked.why})
        return _with(lives, name, ended, version, Step.FAILED, asked)
    if version != life.active:
        return lives
    if life.previous:
        return roll_back(lives, name, asked)
    if not asked.force:
        return lives
    ended = replace(life, active=None, failed={**life.failed, version: asked.why})
    return _with(lives, name, ended, version, Step.FAILED, asked)


def tell(lives: Lives, number: int) -> Lives:
    """Events tell the changes up to this one."""
    told = max(lives.told, number)
    return replace(lives, told=told, changes=_kept(lives.changes, told))


def _allowed(life: Life, name: str, version: str, counter: int, asked: Asked) -> Life:
    """The life without what forbade the version, where a person forces it."""
    model = f"{name}@{version}"
    if asked.force and not asked.why:
        raise LifeRefused(model, "is forced without a reason", "say why with --reason")
    if asked.force:
        return replace(life, failed={one: why for one, why in life.failed.items() if one != version})
    if version in life.failed:
        raise LifeRefused(model, f"failed before: {life.failed[version]}", "take another, or --force with --reason")
    if counter < life.counter:
        rule = f"its counter {counter} is older than {life.counter}, the highest that was ever active"
        raise LifeRefused(model, rule, "take a newer version, or --force with --reason to go back on purpose")
    return life


def _with(lives: Lives, name: str, life: Life, version: str, step: Step, asked: Asked) -> Lives:
    number = max([lives.told, *(change.number for change in lives.changes)]) + 1
    change = Change(number, asked.at, name, version, step, asked.why, asked.by)
    changes = _kept((*lives.changes, change), lives.told)
    return replace(lives, models={**lives.models, name: life}, changes=changes)


def _kept(changes: tuple[Change, ...], told: int) -> tuple[Change, ...]:
    old = len(changes) - KEPT_CHANGES
    return tuple(change for at, change in enumerate(changes) if at >= old or change.number > told)
