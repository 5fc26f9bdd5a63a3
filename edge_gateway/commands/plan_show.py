"""How `sluicegate plan` tells of a whole gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from edge_gateway.commands.plan_rates import Stream
from edge_gateway.commands.plan_sizes import Sizes
from edge_gateway.config.units import duration_text

SOURCES = ("link", "protocol", "how", "interval", "tags", "samples/s")
FIGURES = ("figure", "expected", "about")


def source_rows(streams: Sequence[Stream]) -> list[tuple[str, ...]]:
    """Tags and samples of every link by the interval at which they are looked at, all assets together."""
    sums: dict[tuple[str, str, str, str], tuple[int, float]] = {}
    for one in streams:
        interval = duration_text(one.interval) if one.interval or one.how != "waveform" else ""
        tags, rate = sums.get(key := (one.link, one.protocol, one.how, interval), (0, 0.0))
        sums[key] = tags + one.tags, rate + one.samples_s
    return [(*key, str(tags), f"{rate:,.6g}") for key, (tags, rate) in sums.items()]


def figure_rows(sizes: Sizes) -> Iterator[tuple[str, ...]]:
    """The figures, one a line."""
    yield "samples", f"{sizes.samples_s:,.6g}/s", "at most: a server that reports by exception sends fewer"
    yield "journal", f"{_mb(sizes.journal_day)}/day", f"kept {_days(sizes.journal_days)}, never leaves the site"
    if sizes.windows_s is None:
        yield "windows", "as the data decides", "their records and bytes cannot be told beforehand"
    else:
        yield "windows", f"{sizes.windows_s:,.3g}/s", f"{sizes.rows_s:,.3g} rows/s, one a tag and window"
    if sizes.outbox_day is not None:
        lasts = f"an outage of {_days(sizes.outbox_days)} costs no detail" if sizes.outbox_days else ""
        yield "outbox", f"{_mb(sizes.outbox_day)}/day", f"only while the cloud is away; {lasts}"
    for label, day in sizes.targets.items():
        files = f"{sizes.files_day:g} files of summaries" if sizes.files_day else "summaries"
        about = (
            f"{files}; alerts beside it, 1 to 4 kB each" if day != 0 else "takes no summaries; alerts 1 to 4 kB each"
        )
        yield f"target {label}", "as the data decides" if day is None else f"{_mb(day)}/day", about
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in sizes.memory.items())
    yield "memory", f"{sum(sizes.memory.values()):,.0f} MB", f"{parts}; pages that they share count once"


def sizes_json(streams: Sequence[Stream], sizes: Sizes) -> dict[str, Any]:
    """For machines; rates a second, sizes in bytes a day, memory in MB. Null = the data decides."""
    told = asdict(sizes)
    return {
        "sources": [
            asdict(one) | {"interval": one.interval.total_seconds(), "handed": one.handed.total_seconds()}
            for one in streams
        ],
        "expected": told | {"journal_days": _finite(sizes.journal_days), "memory_mb": sum(sizes.memory.values())},
    }


def _mb(size: float) -> str:
    return f"{size / 1e6:,.3g} MB" if size < 1e9 else f"{size / 1e9:,.3g} GB"


def _days(days: float | None) -> str:
    if days is None or days == float("inf"):
        return "for ever"
    return f"{days:,.3g} days" if days >= 1 else f"{days * 24:,.3g} hours"


def _finite(value: float) -> float | None:
    return None if value == float("inf") else value
