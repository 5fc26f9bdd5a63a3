"""Fault B5: the deliver process is killed while it fetches a model, for real; the next one goes on with that file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bundles import CONFIG, make_bundle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.append(str(Path(__file__).parents[2] / "cloud_sink"))  # the server

import fault_server as fault
from fault_server import FaultServer, Request

from edge_gateway.config.load import load
from edge_gateway.model_fit import store_of
from models.bundle import MANIFEST, SIGNATURE
from models.channel import SCHEMA, Channel, Pick, bundle_key, channel_key, write_channel
from models.signature import public_text

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KEY = Ed25519PrivateKey.generate()
MORE = f"""
trusted_keys = ["{public_text(KEY)}"]
[[models.channels]]
model = "press"
target = "fleet"
every = "1s"
jitter = "0s"
"""
TARGET = """
[[target]]
name = "fleet"
kind = "https"
url = "http://127.0.0.1:PORT/plant"
lanes = []
"""


def start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "edge_gateway", "run", str(config), "--only", "deliver"]
    environment = {**os.environ, "SLUICEGATE_PARENT": str(os.getpid())}
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)


def test_b5_killed_in_the_middle_of_a_model(tmp_path: Path) -> None:
    made = make_bundle(tmp_path / "made", "1")
    manifest = (made / MANIFEST).read_bytes()
    (made / SIGNATURE).write_bytes(KEY.sign(manifest))
    now = time.time_ns()
    pick = Pick("1", hashlib.sha256(manifest).hexdigest())
    channel = Channel(SCHEMA, "press", "stable", 1, now, now + 3600 * 10**9, pick)
    (tmp_path / "target").mkdir()
    with FaultServer() as server:
        path = tmp_path / "gateway.toml"
        text = CONFIG.replace("shadow_windows = 50\n", f"shadow_windows = 50{MORE}") + TARGET
        path.write_text(text.replace("PORT", str(server.port)))
        store = store_of(load(path))

        def there(key: str, data: bytes) -> None:
            server.objects[f"/plant/{key}"] = Request("PUT", key, {}, data)

        there(channel_key("press", "stable"), write_channel(channel, KEY.sign))
        for file in made.iterdir():
            there(bundle_key("press", "1", file.name), file.read_bytes())
        server.script += [server.usual, server.usual, server.usual, fault.silent()]  # in the second file
        with start(path) as process:
            try:
                until = time.monotonic() + 90
                while len(server.requests) < 4:
                    assert process.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.05)
            finally:
                process.kill()
        assert store.versions() == {}
        before = [request.path.rpartition("/")[2] for request in server.requests]
        with start(path) as process:
            try:
                until = time.monotonic() + 90
                while store.read().of("press").active != "1":
                    assert process.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.05)
            finally:
                process.kill()
        after = [request.path.rpartition("/")[2] for request in server.requests[4:]]
        assert before[2] not in after  # it had come whole
        assert before[3] in after
        assert list((store.root / "incoming").glob("*")) == []
