"""The section of event-time windows: which kind, and what each kind takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import model_validator

from edge_gateway.config.section import Flag, Section, Whole, day, minute, ms, option, s
from edge_gateway.config.units import Duration, duration_text
from flows.data_settings import CountSettings, SessionSettings
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings

_MOST_HOPS = 1000  # every sample is held by so many hopping windows at most
_TAKES = {
    "tumbling": ("length", "align"),
    "hopping": ("length", "every", "align"),
    "session": ("gap", "max_length"),
    "count": ("count", "tag", "max_length"),
}
_NEEDS = {"hopping": ("every", "every = '2s'"), "session": ("gap", "gap = '5s'"), "count": ("count", "count = 100")}


class WindowsSection(Section):
    """Event-time windows."""

    kind: Literal["tumbling", "hopping", "session", "count"] | None = option(
        None,
        description="How windows are cut: 'tumbling' (length), 'hopping' (length, every), 'session' (gap, max_length) "
        "or 'count' (count, tag, max_length). Left out = hopping where `every` is given, else tumbling.",
        fix="'tumbling', 'hopping', 'session' or 'count'.",
        example="tumbling",
    )
    length: Duration = option(
        10 * s,
        description="Length of a tumbling or hopping window.",
        fix="100ms to 1d.",
        ge=100 * ms,
        le=day,
    )
    every: Duration | None = option(
        None,
        description="Start a window this often (hopping); length must be a multiple of it. "
        "Left out = length (tumbling).",
        fix="For example every = '2s' with length = '10s'.",
        example="2s",
    )
    align: Duration = option(
        timedelta(0),
        description="Tumbling and hopping windows begin so long after midnight UTC and the multiples of `every`. For "
        "shifts of 8h that begin at 06:00, an hour ahead of UTC: 5h.",
        fix="0s to 1d.",
        ge=timedelta(0),
        le=day,
    )
    gap: Duration | None = option(
        None,
        description="Time without any sample of the asset that ends a session.",
        fix="Longer than the slowest publishing or poll interval of an asset; 1ms to 1h.",
        example="30s",
        ge=ms,
        le=60 * minute,
    )
    count: Whole | None = option(
        None,
        description="Samples that fill a window of kind 'count'. 1 to 10000000.",
        fix="1 to 10000000.",
        example=1000,
        ge=1,
        le=10_000_000,
    )
    tag: str | None = option(
        None,
        description="Only samples of this tag are counted; every asset with windows of kind 'count' should have it. "
        "Left out = samples of all tags.",
        fix="Name a tag.",
        example="cycle",
        min_length=1,
    )
    max_length: Duration = option(
        60 * minute,
        description="A session, or a count that is not full, is cut after this time.",
        fix="100ms to 1d, and not below gap.",
        ge=100 * ms,
        le=day,
    )
    lateness: Duration = option(
        1 * s,
        description="How long a window waits, in event time, for stragglers; adds to the latency of an alert.",
        fix="A little more than the slowest publishing or poll interval of an asset.",
        ge=timedelta(0),
        le=60 * minute,
    )
    allowed_skew: Duration = option(
        10 * s,
        description="A sample whose source time is further ahead of our clock is dropped and counted (clock_skew).",
        fix="A little more than the worst clock error you expect of a device.",
        ge=timedelta(0),
        le=day,
    )
    follow_after: Duration = option(
        1 * minute,
        description="When for so long every live sample of an asset came late or skewed, a clock was set for good: "
        "open windows are closed out as partial, and windows go on at the new time.",
        fix="1s to 1d; longer than a stall that a device may catch up with.",
        ge=1 * s,
        le=day,
    )
    idle_after: Duration = option(
        5 * s,
        description="Silence of a whole asset after which its open windows are closed.",
        fix="100ms to 1h.",
        ge=100 * ms,
        le=60 * minute,
    )

    sketches: Flag = option(
        default=False,
        description="Send quantile sketches of every tag about once an hour: they merge over hours and gateways, and "
        "tell any quantile within 1 %. 50 to 500 bytes each.",
        fix="true or false.",
    )

    @property
    def kind_used(self) -> str:
        """The kind, also where it is left out."""
        return self.kind or ("tumbling" if self.every is None else "hopping")

    @model_validator(mode="after")
    def _fit(self) -> WindowsSection:
        kind = self.kind_used
        mine = _TAKES[kind]
        for other in sorted({name for names in _TAKES.values() for name in names} - set(mine)):
            value = getattr(self, other)
            if value != type(self).model_fields[other].default:  # a default that is written out says nothing
                takers = " or ".join(repr(kind) for kind, names in _TAKES.items() if other in names)
                written = f'"{duration_text(value)}"' if isinstance(value, timedelta) else f"{value!r}"
                rule = f"windows of kind {kind!r} do not take it"
                msg = f"{other} = {written}: {rule}; leave it out, or set kind = {takers}"
                raise ValueError(msg)
        needed, example = _NEEDS.get(kind, ("length", ""))
        if getattr(self, needed) is None:
            msg = f"{needed}: windows of kind {kind!r} need it; for example {example}"
            raise ValueError(msg)
        settings = self.settings()
        if isinstance(settings, WindowSettings) and self.length > _MOST_HOPS * settings.every:
            msg = f"every: each sample would lie in more than {_MOST_HOPS} windows; choose a longer one"
            raise ValueError(msg)
        return self

    def settings(self) -> AnyWindowSettings:
        """As the flow wants them; it knows which values fit together."""
        timing: dict[str, Any] = {name: getattr(self, name) for name in ("lateness", "allowed_skew", "follow_after")}
        if self.gap is not None:
            return SessionSettings(self.gap, self.max_length, **timing)
        if self.count is not None:
            return CountSettings(self.count, self.tag or "", self.max_length, **timing)
        return WindowSettings(self.length, self.every, align=self.align, **timing)

    def told(self) -> str:
        """For people: "tumbling windows of 10s"."""
        match self.kind_used:
            case "session":
                how = f"that end after {duration_text(self.gap or self.max_length)} of silence"
            case "count":
                how = f"of {self.count} samples" + (f" of {self.tag}" if self.tag else "")
            case "hopping":
                how = f"of {duration_text(self.length)} every {duration_text(self.every or self.length)}"
            case _:
                how = f"of {duration_text(self.length)}"
        return f"{self.kind_used} windows {how}"
