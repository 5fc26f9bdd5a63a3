"""What the same data would cost on the wire as JSON over MQTT, counted honestly: a waveform as one message, not 1024.

A message is one PUBLISH at QoS 1 (MQTT 3.1.1, 3.3): fixed header of 2 to 5 bytes, the topic behind its 2-byte length, a
2-byte packet id, the payload. TCP/IP and TLS would come on top and are left out, as are the acknowledgements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from connectors.samples import SampleBatch

_SAMPLED = 200  # values encoded for real in each block; the mean of them stands for the rest


def mqtt_json_bytes(batches: Iterable[SampleBatch], prefix: str) -> int:
    """Bytes of all samples as JSON over MQTT QoS 1.

    Args:
        batches: What was acquired.
        prefix: Topic levels before asset and tag, for example "site/gateway".
    """
    return round(sum(_block(batch, prefix) for batch in batches))


def _block(batch: SampleBatch, prefix: str) -> float:
    total = 0.0
    for number in np.unique(batch.tag):
        tag = batch.tags.tags[number]
        mine = batch.tag == number
        topic = len(f"{prefix}/{batch.asset}/{tag.name}".encode())
        values, times = batch.value[mine], batch.source_time[mine]
        if tag.waveform and len(values) > 1:
            total += publish_size(topic, _size({"t": _time(times[-1]), "v": values.tolist(), "q": 0}))
            continue
        step = max(1, len(values) // _SAMPLED)
        shown = [
            publish_size(topic, _size({"t": _time(time), "v": value, "q": 0}))
            for time, value in zip(times[::step], values[::step].tolist(), strict=True)
        ]
        total += sum(shown) / len(shown) * len(values)
    return total


def publish_size(topic: int, payload: int) -> int:
    """Bytes of one PUBLISH at QoS 1 with a topic and a payload of so many."""
    remaining = 2 + topic + 2 + payload
    header = 1 + (1 if remaining < 128 else 2 if remaining < 16_384 else 3 if remaining < 2_097_152 else 4)
    return header + remaining


def _size(body: dict[str, object]) -> int:
    return len(json.dumps(body, separators=(",", ":")).encode())


def _time(ns: np.int64) -> str:
    return datetime.fromtimestamp(int(ns) / 1e9, UTC).isoformat(timespec="milliseconds")
