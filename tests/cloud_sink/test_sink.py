from __future__ import annotations

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main

from cloud_sink.outbox.stat import read_stat
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Account, Lane
from cloud_sink.sink import HOLD_S, PARTITION, OutboxSink


def test_a_flow_ends_in_the_outbox(tmp_path, small, make):
    calls = []
    sink = OutboxSink(lambda: OutboxWriter(tmp_path, small), lambda result, records: calls.append((result, records)))
    flow = Dataflow("test")
    items = [("pump", make.alert(0)), ("pump", make.summary(0)), ("pump", Account("pump", 5, 5, 0))]
    op.output("out", op.input("in", flow, TestingSource(items, batch_size=2)), sink)
    run_main(flow)
    writer = OutboxWriter(tmp_path, small)  # the flow has let go of the role
    assert [backlog.count for backlog in writer.stat().backlog.values()] == [1, 0, 1]
    assert writer.stat().accounts == (Account("pump", 5, 5, 0),)
    assert [(result.written, len(records)) for result, records in calls] == [(1, 1), (1, 2)]
    writer.close()


def test_alerts_are_durable_at_once_and_the_rest_when_it_is_due(tmp_path, small, make, steady):
    sink = OutboxSink(lambda: OutboxWriter(tmp_path, small), monotonic=steady)
    sink.flush_due()  # before the first item there is no outbox yet
    part = sink.build_part("out", PARTITION, None)

    def waiting():
        return [backlog.count for backlog in read_stat(tmp_path).backlog.values()]

    part.write_batch([make.summary(0), make.alert(0), make.event(0)])
    assert waiting() == [1, 0, 0]
    steady.now += HOLD_S * 0.9
    part.write_batch([make.event(1)])
    sink.flush_due()
    assert waiting() == [1, 0, 0]
    steady.now += HOLD_S * 0.2
    sink.flush_due()
    assert waiting() == [1, 2, 1]
    part.write_batch([make.event(2)])
    assert part.snapshot() == 5, "the end of an epoch waits for nothing"
    assert waiting() == [1, 3, 1]
    part.write_batch([make.event(i) for i in range(10, 600)])
    assert waiting() == [1, 593, 1], "what is held is bounded"
    part.close()


def test_the_commit_hook_lets_keys_be_forgotten(tmp_path, small, make, reader, queue):
    sink = OutboxSink(lambda: OutboxWriter(tmp_path, small))
    sink.committed()  # before the first item there is no outbox yet
    assert sink.list_parts() == [PARTITION] == ["outbox-0"]
    part = sink.build_part("out", PARTITION, 7)
    part.write_batch([make.alert(0)])
    queue.delivered(queue.freeze(Lane.ALERT))
    assert part.snapshot() == 1
    sink.committed()
    reader.maintain()
    assert reader.stat().tombstones == 0
    part.close()


def test_close_never_raises(tmp_path, small, make):
    sink = OutboxSink(lambda: OutboxWriter(tmp_path, small))
    part = sink.build_part("out", PARTITION, None)
    part.close()
    part.close()
