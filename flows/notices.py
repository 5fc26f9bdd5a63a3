"""What is told about the stream itself and its models: gaps, drops, migrations, clocks, troubles. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_sink.records import Event
from connectors.samples import Notice, NoticeKind
from flows.blocks import Windows

SET_BACK, SET_AHEAD = "set_back", "set_ahead"


def event_of(notice: Notice, total: int = 0) -> Event:
    """A notice as an event; `total` = samples dropped for its reason so far, these included."""
    if notice.kind is NoticeKind.DROPPED:
        detail = f"{notice.count} samples were let go before they reached a window: {notice.reason}."
    else:
        detail = notice.detail or f"Nothing was acquired: {notice.reason}. Windows without any sample are not reported."
    return Event(
        notice.asset,
        str(notice.kind),
        notice.reason,
        notice.start,
        notice.end,
        notice.count,
        notice.source,
        detail,
        total=total,
    )


def migrated(asset: str, reason: str, start: int, end: int, count: int) -> Event:
    """Windows were closed out early because the settings or the tags are others now."""
    detail = f"The {reason.replace('_', ' ')} changed: {count} open windows were closed out early."
    return Event(asset, "migration", reason, start, end, count, "window", detail)


def clock_followed(asset: str, reason: str, old: int, new: int, count: int) -> Event:
    """Event time goes on elsewhere: from `old` to `new`; so many windows were closed out early."""
    way = "back" if reason == SET_BACK else "ahead"
    apart = f"{abs(new - old) / 1e9:.0f} s" if old else "an unknown time"
    detail = f"A clock was set {way} by {apart} for good: {count} open windows were closed out early. Compare clocks."
    return Event(asset, "clock", reason, old, new, count, "window", detail)


def model_trouble(blocks: Sequence[Windows], model: str, reason: str, count: int, detail: str) -> Event:
    """A model gave no scores for windows of these blocks; `count` = rows of the pass."""
    assets = {block.asset for block in blocks}
    start = min(int(block.start[0]) for block in blocks if len(block))
    end = max(int(block.end[-1]) for block in blocks if len(block))
    return Event(
        assets.pop() if len(assets) == 1 else "", "model", reason, start, end, count, model, f"{model}: {detail}"
    )


def model_begins(asset: str, model: str, start: int, warm_up: int) -> Event:
    """A stateful model sees an asset for the first time, or again after a pause; no score for `warm_up` windows."""
    detail = f"{model} begins with this window: the first {warm_up} windows of the asset get no score."
    return Event(asset, "model", "warming_up", start, start, warm_up, model, detail)
