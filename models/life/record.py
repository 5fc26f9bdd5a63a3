"""What is known of the lives of all models of a gateway: a small file that is replaced whole. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache

from pydantic import ConfigDict, TypeAdapter

from models.strict_json import read_strict

SCHEMA = 1
_STRICT = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


class Step(StrEnum):
    """What happened to a version; the reason of its event."""

    ADDED = "added"
    SHADOWED = "shadowed"
    SHADOW_ENDED = "shadow_ended"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    REFUSED = "refused"  # a version that a channel names and that does not get into the store
    CHANNEL_REFUSED = "channel_refused"
    CHANNEL_OLD = "channel_old"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one model.

    Attributes:
        number: Of all steps of this gateway, from 1 on.
        at: ns since the epoch.
        model: Name.
        version: Which it is about.
        step: What happened.
        why: One sentence for people.
        by: Who asked; "" = the gateway itself.
    """

    __pydantic_config__ = _STRICT

    number: int
    at: int
    model: str
    version: str
    step: Step
    why: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """One model.

    Attributes:
        active: Version whose scores raise alarms; None = nothing is scored.
        shadow: Version that scores beside it, unheard; None = there is none.
        previous: Versions that were active before, latest first: where a roll-back goes.
        failed: Version -> why it must not be tried again by itself.
        counter: Highest counter of a version that was ever active: older ones are refused.
        promoted_at: When the active one was promoted, ns since the epoch; 0 = it was gone back to, or there is none.
    """

    __pydantic_config__ = _STRICT

    active: str | None = None
    shadow: str | None = None
    previous: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    counter: int = -1
    promoted_at: int = 0


@dataclass(frozen=True, slots=True)
class Lives:
    """All models of a gateway.

    Attributes:
        schema: Of the file.
        models: By name.
        changes: The latest steps, oldest first, and all that no event has told yet.
        told: Number of the last change that an event has told.
    """

    __pydantic_config__ = _STRICT

    schema: int = SCHEMA
    models: dict[str, Life] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    told: int = 0

    def of(self, name: str) -> Life:
        """The life of a model; an empty one where it is not known."""
        return self.models.get(name, Life())

    @property
    def untold(self) -> tuple[Change, ...]:
        """Changes that no event has told yet."""
        return tuple(change for change in self.changes if change.number > self.told)

    def encode(self) -> bytes:
        """As JSON."""
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()


def decode_lives(data: bytes) -> Lives:
    """Inverse of `Lives.encode`.

    Raises:
        ValueError: It is of newer software, or damaged.
    """
    return read_strict(data, SCHEMA, _reader)


@cache
def _reader() -> TypeAdapter[Lives]:
    """Takes some ms to make: not at import, and not at every look at the file."""
    return TypeAdapter(Lives)
