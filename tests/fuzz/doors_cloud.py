"""What InfluxDB, HTTP servers and MQTT brokers answer, and channels of models."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_sink.influx.answers import Then, judge
from cloud_sink.targets.https import proven
from cloud_sink.uplink.mqtt import _read
from cloud_sink.uplink.words import Answer
from models.channel import SCHEMA, Channel, Pick, Rollout, read_channel, write_channel
from models.errors import ChannelRefused
from models.signature import TrustedKeys, public_text
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


KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
TRUSTED = TrustedKeys([public_text(KEY)])


def _channel(data: bytes) -> None:
    assert read_channel(data, TRUSTED, "press", "stable").name == "press"


def _signed_channel(data: bytes) -> None:
    """Whoever has the key may write nonsense all the same."""
    _channel(base64.b64encode(KEY.sign(data)) + b"\n" + data)


@functools.cache
def _channel_seeds() -> tuple[bytes, ...]:
    pick, rollout = Pick("2", "ab" * 32), Rollout((20, 100), 10, 1, 20, 5)
    plain = Channel(SCHEMA, "press", "stable", 7, 1_000, 2_000, pick)
    staged = replace(plain, percent=20, sites=("riverside",), others=pick, rollout=rollout, halted={"0": "a storm"})
    return tuple(write_channel(one, KEY.sign) for one in (plain, staged))


DOORS = {
    "model-channel": Door(_channel, (ChannelRefused,), lambda: list(_channel_seeds())),
    "model-channel-signed": Door(
        _signed_channel, (ChannelRefused,), lambda: [seed.partition(b"\n")[2] for seed in _channel_seeds()]
    ),
    "influx-answer": Door(_influx, (), _influx_seeds),
    "https-proof": Door(_proof, (), _proof_seeds),
    "mqtt-answer": Door(_mqtt, (ValueError, ConnectionResetError), lambda: [b"\x20\x02\x00\x05", b"\x40\x02\x00\x01"]),
}
