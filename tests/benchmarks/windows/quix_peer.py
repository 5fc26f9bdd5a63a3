"""Quix Streams without its broker: the composed dataframe is called in a loop, with windows in its RocksDB store.

Kafka, (de)serialisation, changelog and checkpoints are all left out, in its favour: what is timed is what it does for a
sample, at least.
"""

from __future__ import annotations

import contextvars
import tempfile
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

from quixstreams.context import set_message_context
from quixstreams.dataframe import DataFrameRegistry, StreamingDataFrame
from quixstreams.dataframe.windows import Count, Max, Mean, Min, Sum
from quixstreams.models import MessageContext
from quixstreams.models.topics import Topic, TopicConfig
from quixstreams.models.topics.manager import TopicManager
from quixstreams.processing.context import ProcessingContext
from quixstreams.sinks import SinkManager
from quixstreams.state import StateStoreManager
from work import LENGTH_MS, STEP_MS, T0_MS, check, report, values

NAME = "samples"
FOLDER = tempfile.TemporaryDirectory(prefix="quix-")
SETTINGS = {"retention.ms": "1", "retention.bytes": "1", "cleanup.policy": "delete"}
KEYS = [str(key).encode() for key in range(values().shape[1])]


def prepare() -> Callable[[], list[tuple[bytes, dict[str, Any]]]]:
    topic = Topic(NAME, create_config=TopicConfig(num_partitions=1, replication_factor=1))
    topic.broker_config = TopicConfig(num_partitions=1, replication_factor=1, extra_config=SETTINGS)
    topics = TopicManager(Mock(), "bench")
    topics.topics[NAME] = topic
    registry, state = (
        DataFrameRegistry(),
        StateStoreManager(group_id="bench", state_dir=tempfile.mkdtemp(dir=FOLDER.name)),
    )
    processing = ProcessingContext(
        commit_interval=5,
        producer=Mock(),
        consumer=Mock(),
        state_manager=state,
        sink_manager=SinkManager(),
        dataframe_registry=registry,
    )
    samples = StreamingDataFrame(topic, topic_manager=topics, registry=registry, processing_context=processing)
    registry.register_root(samples)
    statistics = {"n": Count(), "total": Sum(), "mean": Mean(), "least": Min(), "largest": Max()}
    windows = samples.tumbling_window(LENGTH_MS).agg(**statistics).final()
    state.on_partition_assign(windows.stream_id, 0, {NAME: 0})
    processing.init_checkpoint()
    found: list[tuple[bytes, dict[str, Any]]] = []
    call = windows.compose(sink=lambda value, key, _time, _headers: found.append((key, value)))[NAME]
    context = contextvars.copy_context()
    context.run(set_message_context, MessageContext(NAME, 0, 0, 0))
    rows = values().tolist()

    def work() -> list[tuple[bytes, dict[str, Any]]]:
        for row, of_keys in enumerate(rows):
            at = T0_MS + row * STEP_MS
            for key, value in zip(KEYS, of_keys, strict=True):
                call(value, key, at, None)
        return found

    return lambda: context.run(work)


if __name__ == "__main__":
    result = {(int(key), one["start"]): one for key, one in prepare()()}
    check(lambda key, start: tuple(result[key, start][name] for name in ("n", "total", "mean", "least", "largest")))
    report(prepare)
