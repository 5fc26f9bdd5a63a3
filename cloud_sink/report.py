"""What a gateway says of itself once an hour, in an event of kind `report`: counts and versions, no values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

KIND = "report"


@dataclass(frozen=True, slots=True)
class Report:
    """How a gateway is.

    Attributes:
        software: Version.
        gateway_id: Made by chance at the first start, kept in the data folder.
        boot: Of the machine, another one at each boot; two machines never share one, clones of one disk neither.
        up_s: Seconds since the flow began.
        every_s: Seconds until the next report.
        received: Samples of all time, of all assets.
        late: Of them, those that came after their window was closed.
        alarms: Not normal now.
        unanswered: Of them, those that nobody has acknowledged.
        models: (name@version, "active" or "shadow", assets).
        drift: (name@version, assets that no longer look as in its training).
        drops: (stage, reason, count) of all time.
        backlog: (lane, records, seconds since the oldest was made).
        trouble: Why targets cannot be reached; () = they can.
    """

    software: str
    gateway_id: str
    boot: str
    up_s: int
    every_s: int
    received: int = 0
    late: int = 0
    alarms: int = 0
    unanswered: int = 0
    models: tuple[tuple[str, str, int], ...] = ()
    drift: tuple[tuple[str, int], ...] = ()
    drops: tuple[tuple[str, str, int], ...] = ()
    backlog: tuple[tuple[str, int, int], ...] = ()
    trouble: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """By the names of the contract."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Of any version: what it lacks is the default, what it has beyond is left out.

        Raises:
            ValueError: It is no report.
        """
        known = {field.name: field for field in fields(cls)}
        found = {name: _tuples(value) for name, value in data.items() if name in known}
        try:
            report = cls(**found)
        except TypeError as error:
            raise ValueError(str(error)) from error
        for name in ("up_s", "every_s", "received", "late", "alarms", "unanswered"):
            if not isinstance(getattr(report, name), int):
                msg = f"{name} is no whole number"
                raise ValueError(msg)
        return report


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
