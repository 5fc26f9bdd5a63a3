from __future__ import annotations

from connectors.samples import Notice, NoticeKind
from connectors.watch import AssetWatch

S = 10**9


def test_first_block_after_a_start_closes_the_hole_the_acquirer_left() -> None:
    watch = AssetWatch("pump", 100 * S, 5, 1)
    assert watch.on_block(108 * S, 110 * S, 0.0) == Notice(
        NoticeKind.GAP, "pump", "acquirer_down", 100 * S, 110 * S, 0, "intake"
    )
    assert watch.on_block(109 * S, 111 * S, 1.0) is None


def test_no_gap_where_nothing_was_before() -> None:
    watch = AssetWatch("pump", None, 5, 1)
    watch.expect_gap("driver_failed", "line-1")
    assert watch.on_block(1, 2, 0.0) is None


def test_a_gap_never_ends_before_it_starts() -> None:
    notice = AssetWatch("pump", 100, 5, 1).on_block(40, 50, 0.0)
    assert notice is not None
    assert (notice.start, notice.end) == (100, 100)


def test_driver_failure_is_a_gap_named_after_it() -> None:
    watch = AssetWatch("pump", None, 5, 1)
    watch.on_block(10, 11, 0.0)
    watch.expect_gap("driver_failed", "line-1")
    watch.expect_gap("driver_failed", "line-2")
    assert watch.on_block(20, 21, 0.0) == Notice(NoticeKind.GAP, "pump", "driver_failed", 10, 21, 0, "line-1")


def test_idle_is_said_after_the_silence_and_repeated_with_growing_time() -> None:
    watch = AssetWatch("pump", 50 * S, 5, 1)
    assert watch.on_time(100.0) is None, "nothing came yet"
    watch.on_block(60 * S, 61 * S, 100.0)
    assert watch.on_time(104.9) is None
    said = watch.on_time(105.0)
    assert said == Notice(NoticeKind.IDLE, "pump", "idle", 60 * S, 65 * S, 0, "intake")
    assert watch.on_time(105.5) is None
    again = watch.on_time(106.0)
    assert again is not None
    assert again.end == 66 * S
    watch.on_block(70 * S, 71 * S, 106.5)
    assert watch.on_time(107.0) is None


def test_old_blocks_do_not_turn_time_back() -> None:
    watch = AssetWatch("pump", None, 5, 1)
    watch.on_block(60 * S, 61 * S, 0.0)
    watch.on_block(10 * S, 62 * S, 1.0)  # backfilled
    said = watch.on_time(6.0)
    assert said is not None
    assert said.start == 60 * S
