"""One of each kind of window, for tests that must hold for all."""

from __future__ import annotations

from flows.data_settings import CountSettings, SessionSettings
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings

KINDS: dict[str, AnyWindowSettings] = {
    "tumbling": WindowSettings("10s", lateness="2s", allowed_skew="5s", follow_after="6s"),
    "hopping": WindowSettings("10s", "2s", lateness="2s", allowed_skew="5s", align="1s", follow_after="6s"),
    "session": SessionSettings("4s", "9s", lateness="2s", allowed_skew="5s", follow_after="6s"),
    "count": CountSettings(12, lateness="2s", max_length="1min", allowed_skew="5s", follow_after="6s"),
    "count of a tag": CountSettings(4, "speed", "1min", lateness="2s", allowed_skew="5s", follow_after="6s"),
}
