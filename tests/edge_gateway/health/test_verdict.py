"""When a gateway is healthy and when it is ready: each rule from both of its sides."""

from __future__ import annotations

from typing import Any

import pytest

from edge_gateway.verdict import NOT_RUNNING, Now, judge
from tests.edge_gateway.health.looks import NOW, SECOND, acquire, deliver, flow, gateway, mono, status, target


def test_a_gateway_that_works_is_healthy_and_ready_and_nothing_is_said() -> None:
    verdict = judge(gateway(), NOW)
    assert (verdict.healthy, verdict.ready, verdict.unready, verdict.notes) == (True, True, (), ())
    assert verdict.line() == "ready"


@pytest.mark.parametrize("role", ["acquire", "flow", "deliver"])
@pytest.mark.parametrize(("ago", "healthy"), [(29.0, True), (31.0, False)])
def test_every_process_must_beat_within_30_s(role: str, ago: float, healthy: bool) -> None:
    made = {"acquire": acquire, "flow": flow, "deliver": deliver}[role](ago)
    verdict = judge(gateway(**{role: made}), NOW)
    assert verdict.healthy is healthy
    assert verdict.ready is healthy
    assert verdict.wedged == ({} if healthy else {role: "no sign of life for 31 s"})


def test_a_process_that_never_was_and_one_of_another_boot_do_not_run() -> None:
    verdict = judge(gateway(flow={}, deliver={**deliver(), "boot": "before"}), NOW)
    assert verdict.wedged == {"flow": NOT_RUNNING, "deliver": NOT_RUNNING}
    assert verdict.notes == (), "and of what it said then nothing is told"


def test_a_clock_that_was_set_changes_nothing() -> None:
    for jump in (-3600, 3600, 365 * 86_400):
        assert judge(gateway(), Now(NOW.wall + jump * SECOND, NOW.mono, NOW.boot)).ready


def test_the_cloud_is_neither_unhealthy_nor_unready_but_told() -> None:
    away = deliver(
        uplink_up=False, targets={"cloud": target(uplink_up=False, trouble="timeout", last_success=0)}, last_success=0
    )
    verdict = judge(gateway(deliver=away), NOW)
    assert verdict.ready
    assert verdict.notes == ("target cloud cannot be reached (timeout); records are kept",)


def test_links_that_are_down_are_neither_and_explain_why_no_sample_comes() -> None:
    down = acquire(links={"plc": "connection refused", "io": ""}, sampled_at=mono(4000), polled=0.0)
    verdict = judge(gateway(acquire=down), NOW)
    assert verdict.ready
    assert verdict.notes == ("link plc is down: connection refused", "no sample came for 4000 s")


@pytest.mark.parametrize(
    ("facts", "healthy"),
    [
        ({"sampled_at": mono(299)}, True),
        ({"sampled_at": mono(301)}, False),
        ({"sampled_at": mono(301), "polled": 0.0}, True),  # subscriptions alone: no change is no sample
        ({"sampled_at": mono(301), "polled": 60.0}, True),  # polled once a minute
        ({"sampled_at": mono(601), "polled": 60.0}, False),
    ],
)
def test_polled_devices_always_have_samples_even_dead_ones(facts: dict[str, Any], healthy: bool) -> None:
    assert judge(gateway(acquire=acquire(**facts)), NOW).healthy is healthy


@pytest.mark.parametrize(
    ("facts", "healthy"),
    [
        ({"queued": 5, "stored_at": mono(59)}, True),
        ({"queued": 5, "stored_at": mono(61)}, False),
        ({"queued": 0, "stored_at": mono(4000)}, True),  # nothing to store
    ],
)
def test_samples_that_wait_must_reach_the_journal(facts: dict[str, Any], healthy: bool) -> None:
    assert judge(gateway(acquire=acquire(**facts)), NOW).healthy is healthy


def test_a_journal_disk_that_refuses_is_unready_and_no_restart_would_help() -> None:
    verdict = judge(gateway(acquire=acquire(queued=5, stored_at=mono(61), disk_refuses=True)), NOW)
    assert (verdict.healthy, verdict.ready) == (True, False)
    assert verdict.unready[0].startswith("journal: the disk refuses")


@pytest.mark.parametrize(
    ("read", "since", "healthy"),
    [
        (6_000, 4000, True),  # it has read all that there was a minute ago
        (5_999, 59, True),  # behind, but it gets on: a backlog
        (5_999, 61, False),
        (0, 61, False),
    ],
)
def test_a_flow_that_beats_and_reads_nothing_of_a_growing_journal_is_wedged(
    read: int, since: float, healthy: bool
) -> None:
    verdict = judge(gateway(flow=flow(read=read, read_at=mono(since))), NOW)
    assert verdict.healthy is healthy
    if not healthy:
        assert verdict.wedged == {"flow": "the journal grows, and nothing was read of it for 61 s"}


def test_a_journal_in_which_nothing_is_new_does_not_accuse_the_flow() -> None:
    quiet = acquire(journal_end=0, journal_past=0)
    assert judge(gateway(acquire=quiet, flow=flow(read=0, read_at=mono(4000))), NOW).healthy
    other_boot = {**acquire(), "boot": "before"}
    assert judge(gateway(acquire=other_boot, flow=flow(read=0, read_at=mono(4000))), NOW).wedged == {
        "acquire": NOT_RUNNING
    }


def test_an_upload_that_hangs_where_no_time_out_reaches_is_wedged() -> None:
    verdict = judge(gateway(deliver=deliver(targets={"cloud": target(), "b": target(overdue_s=12.0)})), NOW)
    assert verdict.wedged == {"deliver": "an upload to b hangs, 12 s beyond what the slowest line takes"}


def test_a_full_disk_is_unready_and_healthy() -> None:
    verdict = judge(gateway(flow=flow(outbox_full=True)), NOW)
    assert (verdict.healthy, verdict.ready) == (True, False)
    assert verdict.unready[0].startswith("outbox: the disk is full")


def test_a_process_that_cannot_write_its_status_lives_and_what_it_said_last_is_not_held_against_it() -> None:
    mute = {**flow(400, read=0, read_at=mono(900)), "touched": NOW.wall - SECOND}
    verdict = judge(gateway(flow=mute), NOW)
    assert (verdict.healthy, verdict.ready) == (True, False)
    assert verdict.unready[0].startswith("flow: its status cannot be written")
    gone = {**mute, "touched": NOW.wall - 31 * SECOND}
    assert judge(gateway(flow=gone), NOW).wedged == {"flow": "no sign of life for 400 s"}


def test_a_refused_model_is_unready_and_a_cold_start_is_not() -> None:
    refused = [{"name": "pump", "version": "refused.0", "role": "refused"}]
    verdict = judge(gateway(flow=flow(models=refused)), NOW)
    assert (verdict.healthy, verdict.unready) == (
        True,
        ("model pump: its bundle was refused; its assets are watched by rules alone",),
    )
    assert judge(gateway(flow=flow(models=[])), NOW).ready


def test_a_host_that_has_lost_its_cluster_is_unready_and_healthy() -> None:
    for alone in (flow(0.4, passing=False, lost_after_s=20.0), flow(40, lost_after_s=20.0)):
        verdict = judge(gateway(flow=alone), NOW)
        assert (verdict.healthy, verdict.unready) == (True, ("flow: it waits for the other processes of its cluster",))
    assert not judge(gateway(flow=flow(81, lost_after_s=20.0)), NOW).healthy
    waiting = flow(0.4, passing=False, lost_after_s=20.0, read=0, read_at=mono(900))
    assert judge(gateway(flow=waiting), NOW).healthy


def test_restarts_are_told() -> None:
    verdict = judge(gateway(supervisor=status(restarts={"flow": 2, "acquire": 0})), NOW)
    assert verdict.notes == ("flow was restarted 2 times",)


def test_the_line_has_the_worst_first() -> None:
    verdict = judge(gateway(acquire={}, flow=flow(outbox_full=True)), NOW)
    assert verdict.line().startswith("unhealthy; acquire: not running; outbox: the disk is full")


def test_a_refused_reload_is_told_until_the_next_one_and_is_no_reason_to_restart() -> None:
    refused = status(reload={"result": "refused", "generation": 3, "brief": "rules[0].tag: is not there"})
    verdict = judge(gateway(supervisor=refused), NOW)
    assert verdict.ready
    assert verdict.notes == ("the last reload was refused, generation 3 goes on: rules[0].tag: is not there",)
    accepted = status(reload={"result": "accepted", "generation": 4, "brief": ""})
    assert judge(gateway(supervisor=accepted), NOW).notes == ()
