"""Detail goes before whole windows do, oldest first, and every window that was joined is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from cloud_sink.decoding import decode_summary
from cloud_sink.outbox.books import held_bytes
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.schema import checksum
from cloud_sink.outbox.thinning import HIGH_WATER
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, OutboxSettings
from cloud_sink.sketch import merge, sketch

SECOND = 10**9
QUOTA = 60_000


@pytest.fixture
def small():
    return OutboxSettings(quota=QUOTA, disk_reserve=0, lock_wait=timedelta(0))


def short(make, i, *, asset="pump", tags=20, every=10):
    """The i-th window of 10 s."""
    start = make.start + i * every * SECOND
    return replace(make.summary(i, asset=asset, tags=tags), start=start, end=start + 10 * SECOND)


def commit(writer):
    writer.snapshot_mark()
    writer.committed()


def waiting(reader):
    rows = reader._database.execute("SELECT body FROM outbox WHERE lane = 2 AND state = 0 ORDER BY time, seq")
    return [decode_summary(body) for (body,) in rows]


def lengths(reader):
    return [(window.end - window.start) // SECOND for window in waiting(reader)]


def test_nothing_is_thinned_below_the_high_water_mark(writer, reader, make):
    writer.put([short(make, i) for i in range(30)])
    commit(writer)
    assert held_bytes(writer._database) < HIGH_WATER * QUOTA
    reader.maintain()
    assert set(lengths(reader)) == {10}


def test_a_row_that_only_another_version_could_read_is_passed_over(writer, reader, make):
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    database = reader._database
    ((seq, key, time, created),) = database.execute("SELECT seq, key, time, created FROM outbox ORDER BY seq LIMIT 1")
    body = b"\x02\x00\x00\x00{}"
    crc = checksum(Lane.SUMMARY, key, time, created, body)
    database.execute("UPDATE outbox SET body = ?, crc = ? WHERE seq = ?", (body, crc, seq))
    reader.maintain()
    rows = database.execute("SELECT body FROM outbox WHERE lane = 2 AND state = 0 AND seq != ?", (seq,))
    kept = [decode_summary(body) for (body,) in rows]
    assert max(window.end - window.start for window in kept) > 10 * SECOND


def test_the_oldest_are_joined_and_the_newest_keep_their_detail(writer, reader, make):
    windows = [short(make, i) for i in range(70)]
    writer.put(windows)
    commit(writer)
    before = held_bytes(writer._database)
    assert before > HIGH_WATER * QUOTA
    assert reader.maintain() is None
    found = waiting(reader)
    assert lengths(reader)[:10] == [60] * 10
    assert lengths(reader)[-6:] == [10] * 6  # the minutes that are not over yet
    assert held_bytes(writer._database) < before / 3
    assert sum(int(window.n[0]) for window in found) == sum(int(window.n[0]) for window in windows)
    np.testing.assert_allclose(
        np.mean([window.values[:, 0] for window in found[:10]]),
        np.mean([window.values[:, 0] for window in windows[:60]]),
        rtol=1e-4,
    )


@pytest.mark.parametrize("every", [10, 5])  # of windows that overlap, half are left out
def test_no_count_of_a_sketch_is_lost(writer, reader, make, every):
    chance, tag = np.random.default_rng(3), np.repeat(np.arange(20), 3)
    windows = [short(make, i, every=every) for i in range(68)]
    for i in range(1, 68, 13):
        windows[i] = replace(windows[i], sketches=sketch(windows[i].start, 20, tag, chance.normal(size=60)))
    writer.put(windows)
    commit(writer)
    while reader.maintain():
        pass
    before, after = (
        merge([one.sketches for one in some if one.sketches is not None]) for some in (windows, waiting(reader))
    )
    assert all(loss.startswith("thinned") for loss in writer.stat().losses)
    assert len(waiting(reader)) < 50
    assert (after.since, after.counts.tolist(), after.buckets.tolist()) == (
        before.since,
        before.counts.tolist(),
        before.buckets.tolist(),
    )


def test_every_joined_window_is_counted_and_told(writer, reader, queue, make):
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    reader.maintain()
    gone = 70 - len(waiting(reader))
    joined = sum(1 for length in lengths(reader) if length > 10)
    losses = writer.stat().losses
    assert losses == {"thinned/summary/outbox_quota": gone + joined}
    (row,) = queue.freeze(Lane.EVENT).rows
    event = json.loads(row.body)
    assert (event["kind"], event["reason"], event["count"]) == ("thinned", "outbox_quota", gone + joined)
    assert event["start"] == make.start


def test_level_by_level_and_only_then_are_windows_dropped(writer, reader, make):
    minutes = dropped = 0
    while not dropped:
        dropped = writer.put([short(make, minutes + i, every=60) for i in range(10)]).dropped
        minutes += 10
        commit(writer)
        reader.maintain()
        assert held_bytes(writer._database) <= QUOTA + 1000
    without_thinning = QUOTA / len(short(make, 0).encode())
    assert minutes > 30 * without_thinning
    assert set(lengths(reader)) >= {10, 9 * 60 + 10, 59 * 60 + 10}
    assert sorted(lengths(reader)[1:], reverse=True) == lengths(reader)[1:]


def test_a_joined_window_keeps_its_place_in_the_queue(writer, reader, queue, make):
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    reader.maintain()
    batch = queue.freeze(Lane.SUMMARY, flush=True)
    assert [row.seq for row in batch.rows][:3] == [1, 7, 13]
    assert batch.rows[0].key == f"summary/pump/{make.start}/{make.start + 60 * SECOND}"
    queue.delivered(batch)
    reader.maintain()
    assert queue.freeze(Lane.SUMMARY, flush=True) is None


def test_what_is_on_its_way_stays_as_it_is(writer, reader, queue, make):
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    batch = queue.freeze(Lane.SUMMARY, flush=True)
    reader.maintain()
    assert queue.freeze(Lane.SUMMARY) == batch


def test_what_a_replay_can_bring_again_is_not_touched(writer, reader, make):
    windows = [short(make, i) for i in range(70)]
    writer.put(windows)
    reader.maintain()
    assert set(lengths(reader)) == {10}
    assert writer.put(windows).repeats == 70


def test_unlike_windows_are_not_joined(writer, reader, make):
    windows = [short(make, i, tags=20 + i % 2) for i in range(70)]
    writer.put(windows)
    commit(writer)
    reader.maintain()
    assert lengths(reader)[:4] == [50, 50, 50, 50]  # each of 20 or of 21 tags, with holes
    assert {len(window.tags) for window in waiting(reader)} == {20, 21}


def test_of_hopping_windows_those_go_whose_samples_are_in_others(writer, reader, make):
    hopping = [replace(short(make, i), end=make.start + i * 10 * SECOND + 30 * SECOND) for i in range(70)]
    writer.put(hopping)
    commit(writer)
    reader.maintain()
    assert lengths(reader)[0] == 60
    first = waiting(reader)[0]
    assert first.n[0] == hopping[0].n[0] + hopping[3].n[0]


def test_a_damaged_row_is_left_to_whoever_sets_it_aside(writer, reader, make):
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    writer._database.execute("UPDATE outbox SET body = zeroblob(900) WHERE seq = 2")
    reader.maintain()
    ((body,),) = writer._database.execute("SELECT body FROM outbox WHERE seq = 2")
    assert body == bytes(900)


def test_what_one_target_has_and_another_lacks_is_joined_with_its_like(tmp_path, small, make):
    writer = OutboxWriter(tmp_path, small)
    both = dict.fromkeys(("near", "far"), tuple(Lane))
    reader = OutboxReader(tmp_path, small, BatchSettings(summary_bucket=timedelta(minutes=1)), targets=both)
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    near = reader.queues["near"]
    for _ in range(5):
        near.delivered(near.freeze(Lane.SUMMARY, flush=True))
    reader.maintain()
    assert lengths(reader)[:10] == [60] * 10
    had = reader._database.execute("SELECT count(*) FROM progress WHERE target = 'near' AND batch IS NULL")
    assert had == [(5,)]
    assert near.freeze(Lane.SUMMARY, flush=True).first_time == make.start + 5 * 60 * SECOND
    assert reader.queues["far"].freeze(Lane.SUMMARY, flush=True).first_time == make.start
    reader.close()
    writer.close()


def test_a_step_is_small_and_the_next_goes_on(writer, reader, make, monkeypatch):
    monkeypatch.setattr("cloud_sink.outbox.thinning._ROWS", 6)
    writer.put([short(make, i) for i in range(70)])
    commit(writer)
    reader.maintain()
    assert lengths(reader)[:2] == [60, 10]
    reader.maintain()
    assert lengths(reader)[:3] == [60, 60, 10]


def test_a_joined_window_whose_name_is_taken_is_not_made(writer, reader, make):
    taken = replace(short(make, 0), end=make.start + 60 * SECOND)
    writer.put([*(short(make, i) for i in range(70)), taken])
    commit(writer)
    reader.maintain()
    assert lengths(reader)[:3] == [10, 60, 10]
