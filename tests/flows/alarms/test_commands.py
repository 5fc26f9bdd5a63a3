"""What people ask of the alarms of an asset, and what comes of it."""

from __future__ import annotations

import pytest
from alarm_streams import command, run, told, with_rules
from flows_streams import T0, S, block

from cloud_sink.records import Alert, Event
from connectors.samples import Notice, NoticeKind
from flows.alarm_settings import AlarmSettings
from flows.alarms import AssetAlarms


def test_commands_do_what_they_say_and_carry_who_and_why() -> None:
    alarms = AssetAlarms(with_rules())
    alarms.push([block((1, 0, 9.0))])
    (seen,) = alarms.push([command("acknowledge", 3, "current")])
    assert isinstance(seen, Alert)
    assert (seen.state, seen.by, seen.comment, seen.alarm_state) == ("acknowledged", "anna", "because", "ACKED")
    assert told(alarms.push([command("shelve", 4, "*", until=60)])) == [
        ("current", "shelved", "SHLVD", 4),
        ("speed", "shelved", "SHLVD", 4),
    ]
    assert told(alarms.push([command("unshelve", 5, "speed")])) == [("speed", "unshelved", "NORM", 5)]
    assert told(alarms.push([block((61, 1, 1.0))])) == [("current", "unshelved", "UNACK", 60)]


@pytest.mark.parametrize("what", ["acknowledge", "reset"])
def test_what_was_asked_of_one_opening_is_not_done_to_the_next(what: str) -> None:
    """The gateway was stopped when somebody asked: what it then reads first opened the alarm anew."""
    alarms = AssetAlarms(with_rules(current=AlarmSettings(latch=what == "reset")))
    (first,) = alarms.push([block((1, 0, 9.0))])
    assert isinstance(first, Alert)
    alarms.push([block((2, 0, 1.0)), command("reset", 2.5), block((3, 0, 9.0), received=20)])
    if what == "reset":
        alarms.push([block((4, 0, 1.0), received=21)])
    for stale in (command(what, 10, "current"), command(what, 10), command(what, 30, "current", alert=first.alert_id)):
        (event,) = alarms.push([stale])
        assert isinstance(event, Event), stale
        assert event.reason == "nothing_to_do"
    (done,) = alarms.push([command(what, 30, "current")])
    assert isinstance(done, Alert)
    assert done.opened_at == T0 + 3 * S


def test_an_opening_is_acknowledged_by_its_id_whenever_it_was_asked() -> None:
    """The clock of the gateway was set back meanwhile."""
    alarms = AssetAlarms(with_rules())
    (opened,) = alarms.push([block((10, 0, 9.0))])
    assert isinstance(opened, Alert)
    (done,) = alarms.push([command("acknowledge", 5, "current", alert=opened.alert_id)])
    assert isinstance(done, Alert)
    assert done.state == "acknowledged"


def test_a_command_counts_from_the_time_of_the_asset() -> None:
    """A device whose clock is an hour slow: shelved for a minute is a minute, not an hour and a minute."""
    alarms = AssetAlarms(with_rules())
    alarms.push([block((1, 0, 9.0), received=3601)])
    out = alarms.push([command("shelve", 3611, "current", until=3671)])
    out += alarms.push([block((70, 1, 1.0), received=3670)])
    out += alarms.push([block((72, 1, 1.0), received=3672)])
    assert told(out) == [("current", "shelved", "SHLVD", 11), ("current", "unshelved", "UNACK", 71)]
    assert isinstance(out[0], Alert)
    assert out[0].received_time == T0 + 3611 * S


@pytest.mark.parametrize(
    ("notice", "reason", "words"),
    [
        (command("acknowledge", 3, "current"), "nothing_to_do", "nothing to do"),
        (command("reset", 3), "nothing_to_do", "Nothing to do"),
        (command("acknowledge", 3, "pressure"), "nothing_to_do", "'pressure'"),
        (command("shelve", 3, until=2), "refused", "until a time to come"),
        (command("silence", 3), "refused", "'silence' is nothing that can be asked"),
        (Notice(NoticeKind.COMMAND, "press", "reset", 5, 0, detail="7"), "refused", "which alarm"),
        (Notice(NoticeKind.COMMAND, "press", "reset", 5, 0, detail="{"), "refused", "which alarm"),
        (Notice(NoticeKind.COMMAND, "press", "reset", 5, 0, detail="{}"), "refused", "which alarm"),
    ],
)
def test_a_command_in_vain_is_a_record_too(notice: Notice, reason: str, words: str) -> None:
    *_, event = run(with_rules(), block((1, 0, 1.0)), notice)
    assert isinstance(event, Event)
    assert (event.kind, event.reason, event.source) == ("command", reason, notice.source)
    assert words in event.detail
