"""Times as people read them: always UTC, as everything the gateway sends. Pure."""

from __future__ import annotations

import datetime as dt

SECOND = 10**9


def utc_text(ns: int) -> str:
    """ISO 8601 in UTC, in ms."""
    time = dt.datetime.fromtimestamp(ns // SECOND, dt.UTC) + dt.timedelta(milliseconds=ns % SECOND // 10**6)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_text(ns: int) -> str:
    """The same for a page that says once that its times are UTC; ms only where there are some."""
    date, clock = utc_text(ns).removesuffix("Z").split("T")
    return f"{date} {clock.removesuffix('.000')}"


def span_text(ns: int) -> str:
    """How long, in the two largest units: "3 min 20 s"."""
    if abs(ns) < SECOND:
        return f"{ns / 1e6:.3g} ms"
    rest, parts = round(abs(ns) / SECOND), list[str]()
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break  # no seconds behind days
    return ("-" if ns < 0 else "") + " ".join(parts[:2])
