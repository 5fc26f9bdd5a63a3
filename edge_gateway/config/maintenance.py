"""Section of the maintenance windows: when alarms of assets are out of service."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, model_validator

from edge_gateway.config.section import Name, Section, option
from flows.alarms import Once, Weekly
from flows.alarms.maintenance import DAYS


def _text(value: object) -> object:
    """TOML has dates and times of its own; both ways of writing one mean the same."""
    return value.isoformat() if isinstance(value, datetime | time) else value


Moment = Annotated[str, BeforeValidator(_text)]


class MaintenanceSection(Section):
    """When alarms of some assets are out of service: once, or on days of the week. In event time."""

    assets: tuple[Name, ...] = option(
        description="Assets that are out of service then.",
        fix="List assets that have tags.",
        min_length=1,
        example=["pump-1"],
    )
    begin: Moment = option(
        alias="from",
        description="Once: date and time with offset (RFC 3339). With days: time of the day. Alarms do not open then; "
        "what is still true afterwards opens afterwards.",
        fix='Write "2026-05-01T06:00:00+02:00", or with days "06:00".',
        example="06:00",
    )
    end: Moment = option(
        alias="to",
        description="As from, exclusive. With days, at or before from: on the next day.",
        fix='Write "2026-05-01T08:00:00+02:00", or with days "08:00".',
        example="08:00",
    )
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "daily"], ...] = option(
        (),
        description="Days of the week on which it begins, or 'daily'. Left out = once.",
        fix='For example ["sat", "sun"] or ["daily"].',
        example=["sat"],
        shown=True,
    )
    zone: str | None = option(
        None,
        description="Time zone of from and to with days, by its IANA name. Summer time is followed.",
        fix="For example 'Europe/Berlin' or 'UTC'.",
        example="Europe/Berlin",
        shown=True,
    )

    @model_validator(mode="after")
    def _fit(self) -> MaintenanceSection:
        self.period()
        return self

    def period(self) -> Once | Weekly:
        """As the flow wants it."""
        if self.days:
            return self._weekly()
        if self.zone is not None:
            msg = f'zone = "{self.zone}": only with days; a date and time has its own offset'
            raise ValueError(msg)
        return Once(_instant("from", self.begin), _instant("to", self.end))

    def _weekly(self) -> Weekly:
        if self.zone is None:
            msg = "zone: is required with days; such as zone = 'Europe/Berlin'"
            raise ValueError(msg)
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = (
                f'zone = "{self.zone}": no time zone of that name is known here; write an IANA name, or install tzdata'
            )
            raise ValueError(msg) from error
        days = DAYS if "daily" in self.days else tuple(self.days)
        return Weekly(days, _time("from", self.begin), _time("to", self.end), zone)


def _instant(key: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return round(moment.timestamp() * 1e6) * 1_000
    except ValueError:
        pass  # told below, like one without an offset
    msg = f'{key} = "{text}": without days a date and time with offset; such as "2026-05-01T06:00:00+02:00"'
    raise ValueError(msg)


def _time(key: str, text: str) -> time:
    try:
        at = time.fromisoformat(text)
        if at.tzinfo is None:
            return at
    except ValueError:
        pass  # told below, like one with an offset
    msg = f'{key} = "{text}": with days a time of the day without offset; such as "06:00"'
    raise ValueError(msg)
