from __future__ import annotations

from datetime import timedelta

import pytest

from flows.alarm_settings import AlarmSettings


def test_an_alarm_acts_at_once_unless_told_otherwise() -> None:
    plain = AlarmSettings()
    assert (plain.severity, plain.on_delay_ns, plain.off_delay_ns, plain.latch) == ("warning", 0, 0, False)
    slow = AlarmSettings(on_delay=timedelta(milliseconds=1500), off_delay=timedelta(seconds=2))
    assert (slow.on_delay_ns, slow.off_delay_ns) == (1_500_000_000, 2_000_000_000)


def test_values_that_cannot_be_are_named_with_rule_and_fix() -> None:
    with pytest.raises(ValueError, match=r"severity = 'high': must be one of warning, alarm"):
        AlarmSettings(severity="high")
    for name in ("on_delay", "off_delay"):
        with pytest.raises(ValueError, match=rf'{name} = .*: must not be negative; "0s" is the least'):
            AlarmSettings(**{name: timedelta(seconds=-1)})
    with pytest.raises(ValueError, match=r"suppressed_by = \['a', 'a'\]: names an alarm twice"):
        AlarmSettings(suppressed_by=("a", "a"))
