from __future__ import annotations

from datetime import timedelta

import pytest

from flows.window_settings import WindowSettings


def test_tumbling_by_default_and_texts_are_durations() -> None:
    settings = WindowSettings("10s", lateness=timedelta(seconds=3))
    assert settings.every == settings.length == timedelta(seconds=10)
    assert (settings.lateness_ns, settings.allowed_skew_ns) == (3 * 10**9, 10 * 10**9)
    assert settings == WindowSettings(timedelta(seconds=10), "10s", "3s")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"length": "0s"}, "length = 0:00:00: must be longer than nothing"),
        ({"length": "10s", "every": "0s"}, "every = 0:00:00: must be longer"),
        ({"length": "10s", "every": "3s"}, "every = 0:00:03: the length 0:00:10 must be a whole multiple"),
        ({"length": "10s", "every": "20s"}, "whole multiple"),
        ({"length": "10s", "lateness": timedelta(seconds=-1)}, "lateness = .*must not be negative"),
        ({"length": "10s", "allowed_skew": "soon"}, "allowed_skew = 'soon': not a duration"),
    ],
)
def test_refuses_windows_that_cannot_be(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WindowSettings(**values)


@pytest.mark.parametrize(("watermark", "start"), [(0, -8), (1, -8), (2, -6), (9, 0), (10, 2), (12, 4), (-1, -10)])
def test_a_window_closes_when_the_watermark_reaches_its_end(watermark: int, start: int) -> None:
    s = 10**9
    assert WindowSettings("10s", "2s").open_from(watermark * s) == start * s
