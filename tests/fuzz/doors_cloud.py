"""What InfluxDB, HTTP servers and MQTT brokers answer."""

from __future__ import annotations

import hashlib
import io
import json

from cloud_sink.influx.answers import Then, judge
from cloud_sink.targets.https import proven
from cloud_sink.uplink.mqtt import _read
from cloud_sink.uplink.words import Answer
from tests.fuzz.doors import Door

STATUSES = (204, 400, 422, 500)


def _influx(data: bytes) -> None:
    """The first byte says the status."""
    verdict = judge(STATUSES[data[0] % 4] if data else 400, data[1:].decode("utf-8", "replace"))
    assert isinstance(verdict.then, Then)
    assert all(count > 0 for count in verdict.refused.values())


def _influx_seeds() -> list[bytes]:
    said = [
        {"error": "partial write: points beyond retention policy dropped=17"},
        {"error": "unable to parse 'a b=1x': invalid number"},
        {"code": "unprocessable entity", "message": "failure writing points: field type conflict: ... dropped=1"},
        {"error": "partial write", "data": [{"error_message": "invalid column type for column 'v'", "line_number": 2}]},
        [],
    ]
    return [b"\x01" + json.dumps(one).encode() for one in said] + [b"\x00", b"\x03<html>", b"\x01" + b"[" * 3000]


SENT = b"what was sent"


def _proof(data: bytes) -> None:
    """Nothing but the true digest is a proof."""
    if proven(Answer(200, {"content-type": "application/json"}, data), SENT):
        assert hashlib.sha256(SENT).hexdigest() in data.decode("utf-8", "replace").replace("\\u00", "").lower() or (
            json.loads(data)["sha256"] == hashlib.sha256(SENT).hexdigest()
        )


def _proof_seeds() -> list[bytes]:
    digest = hashlib.sha256(SENT).hexdigest()
    return [json.dumps(one).encode() for one in ({"sha256": digest}, {"sha256": [digest]}, digest)] + [b"[" * 3000]


def _mqtt(data: bytes) -> None:
    head, body = _read(io.BufferedReader(io.BytesIO(data)))
    assert len(body) == 2
    assert 0 <= head <= 255


DOORS = {
    "influx-answer": Door(_influx, (), _influx_seeds),
    "https-proof": Door(_proof, (), _proof_seeds),
    "mqtt-answer": Door(_mqtt, (ValueError, ConnectionResetError), lambda: [b"\x20\x02\x00\x05", b"\x40\x02\x00\x01"]),
}
