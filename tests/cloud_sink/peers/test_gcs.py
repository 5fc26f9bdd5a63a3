"""Google Cloud Storage through pyarrow, against an emulator of it.

The emulator takes any credentials; the key of a service account that is made here signs its own tokens, so nobody is
asked for one.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError
from cloud_sink.targets.secrets import named_file
from cloud_sink.targets.store import StoreTarget
from cloud_sink.uplink.store import StoreClient, parse_store

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EMULATOR = Path(os.environ.get("SLUICEGATE_GCS", Path(__file__).parents[3] / "var" / "gcs")) / "bin"
DATA = b"PAR1" + bytes(range(256)) * 200
VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"


@pytest.fixture(scope="module")
def emulator():
    if not (EMULATOR / "gcp-storage-emulator").exists():
        pytest.skip("gcp-storage-emulator is not installed: make var/gcs/.ready")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    # An own interpreter beside it ends the server with this process, whatever happens.
    code = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
    told = ["start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--default-bucket", "lake"]
    command = [sys.executable, "-c", code, str(EMULATOR / "gcp-storage-emulator"), *told]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert process.poll() is None, "the emulator did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def target(emulator, tmp_path, monkeypatch):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "plant",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "gateway@plant.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "account.json"))
    monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", emulator)  # of Google's own library
    clients = []

    def make(bucket="lake"):
        clients.append(StoreClient(parse_store(f"gs://{bucket}/gw"), lambda _size: 60.0))
        return StoreTarget(parse_store(f"gs://{bucket}/gw"), clients[-1], lambda: named_file(os.environ, VARIABLE))

    yield make
    for client in clients:
        client.close()


def test_what_is_put_lies_there(emulator, target):
    assert not target().put("alerts/a.jsonl.gz", DATA).repeat
    with urllib.request.urlopen(f"{emulator}/download/storage/v1/b/lake/o/gw%2Falerts%2Fa.jsonl.gz?alt=media") as got:
        assert got.read() == DATA


def test_again_is_a_repeat_and_other_bytes_are_a_conflict(target):
    store = target()
    store.put("b", DATA)
    assert store.put("b", DATA).repeat
    with pytest.raises(PermanentDeliveryError, match="key_conflict"):
        store.put("b", DATA[:-1] + b"x")


def test_a_large_object(target):
    store, data = target(), os.urandom(3_000_000)
    assert store.put("large", data).wire == len(data)


def test_no_such_bucket_holds(target):
    with pytest.raises(TransientDeliveryError) as caught:
        target("nobody").put("c", DATA)
    assert (caught.value.reason, caught.value.hold) == ("target_missing", True)


def test_without_credentials_nobody_is_asked(target, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(TransientDeliveryError) as caught:
        target().put("d", DATA)
    assert (caught.value.reason, caught.value.hold) == ("credentials", True)


def test_what_is_read_and_what_has_not_changed(target):
    store = target()
    with pytest.raises(TransientDeliveryError) as caught:
        store.fetch("channel", 100)
    assert caught.value.reason == "target_missing"
    store.replace("channel", b"one")
    first = store.fetch("channel", 100)
    assert (first.data, store.fetch("channel", 100, first.tag).data) == (b"one", None)
    store.replace("channel", b"two")
    assert store.fetch("channel", 100, first.tag).data == b"two"
    with pytest.raises(PermanentDeliveryError, match="larger than 2 bytes"):
        store.fetch("channel", 2)
