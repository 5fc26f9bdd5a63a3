"""What is told about the stream itself: gaps, drops, migrations, clocks. Pure."""

from __future__ import annotations

from cloud_sink.records import Event
from connectors.samples import Notice, NoticeKind

SET_BACK, SET_AHEAD = "set_back", "set_ahead"


def event_of(notice: Notice) -> Event:
    """A notice as an event."""
    if notice.kind is NoticeKind.DROPPED:
        detail = f"{notice.count} samples were let go before they reached a window: {notice.reason}."
    else:
        detail = notice.detail or f"Nothing was acquired: {notice.reason}. Windows without any sample are not reported."
    return Event(
        notice.asset, str(notice.kind), notice.reason, notice.start, notice.end, notice.count, notice.source, detail
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
