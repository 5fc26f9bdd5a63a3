"""Azure through pyarrow, against azurite, Microsoft's own emulator, and against a server that answers nonsense.

The nonsense matters: with pyarrow 26 it ends the process that asked. Here that is not the gateway's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import fault_server as fault
import pytest
from fault_server import FaultServer

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError
from cloud_sink.targets.store import StoreTarget
from cloud_sink.uplink.store import StoreClient, parse_store

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NODE = shutil.which("node")
ROOT = Path(os.environ.get("SLUICEGATE_AZURITE", Path(__file__).parents[3] / "var" / "azurite"))
AZURITE = ROOT / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT = "devstoreaccount1"
# Known to everybody: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
DATA = b"PAR1" + bytes(range(256)) * 200
OBJECT = "summaries/v1/site=plant/date=2023-11-14/hour=22/gw-1-1700000100000000000-a34b14d7.parquet"


def filesystem(port):
    from pyarrow import fs

    host = f"127.0.0.1:{port}"
    return fs.AzureFileSystem(
        ACCOUNT,
        account_key=KEY,
        blob_storage_authority=host,
        dfs_storage_authority=host,
        blob_storage_scheme="http",
        dfs_storage_scheme="http",
    )


@contextlib.contextmanager
def serving():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    # An own interpreter beside it ends the server with this process, whatever happens.
    code = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
    command = [
        sys.executable,
        "-c",
        code,
        NODE,
        str(AZURITE),
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        *told,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert process.poll() is None, "azurite did not start"
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def azurite():
    if NODE is None:
        pytest.skip("node is not installed: apt install nodejs")
    if not AZURITE.exists():
        pytest.skip("azurite is not installed: make var/azurite/.ready")
    with serving() as port:
        filesystem(port).create_dir("lake")
        yield port


@pytest.fixture
def target():
    clients = []

    def make(port, key=KEY, container="lake", **options):
        store = parse_store(f"abfs://{ACCOUNT}@127.0.0.1:{port}/{container}/gw")
        clients.append(StoreClient(store, **options))
        return StoreTarget(store, clients[-1], lambda: key)

    yield make
    for client in clients:
        client.close()


def reason(target, tries=1):
    """Of a refusal; a machine with much to do may need more than one try to connect at all."""
    for _ in range(tries):
        with pytest.raises(TransientDeliveryError) as caught:
            target.put(OBJECT, DATA)
        assert KEY not in str(caught.value)
        if caught.value.reason not in {"unreachable", "timeout"}:
            break
    return caught.value.reason, caught.value.hold


class TestAzurite:
    def test_what_is_put_is_what_pyarrow_reads(self, azurite, target):
        receipt = target(azurite).put(OBJECT, DATA)
        assert not receipt.repeat
        found = filesystem(azurite).open_input_stream(f"lake/gw/{OBJECT}").read()
        assert (found, receipt.sha256) == (DATA, hashlib.sha256(DATA).hexdigest())

    def test_again_is_a_repeat_and_other_bytes_are_a_conflict(self, azurite, target):
        store = target(azurite)
        store.put(OBJECT, DATA)
        assert store.put(OBJECT, DATA).repeat
        with pytest.raises(PermanentDeliveryError, match="key_conflict"):
            store.put(OBJECT, DATA[:-1] + b"x")

    @pytest.mark.parametrize("cut", [0, 4, 20_000])
    def test_what_an_attempt_left_that_was_cut_off_is_mended(self, azurite, target, cut):
        key = f"summaries/cut-{cut}.parquet"
        with filesystem(azurite).open_output_stream(f"lake/gw/{key}") as stream:
            stream.write(DATA[:cut])
        assert not target(azurite).put(key, DATA).repeat
        assert filesystem(azurite).open_input_stream(f"lake/gw/{key}").read() == DATA

    def test_a_wrong_key_holds(self, azurite, target):
        assert reason(target(azurite, key="A" * 86 + "=="), 4) == ("credentials", True)
        assert reason(target(azurite, key="no base64"))[0] in {"credentials", "protocol", "server_error", "portal"}

    def test_no_such_container_holds(self, azurite, target):
        assert reason(target(azurite, container="nobody"), 4) == ("target_missing", True)


@pytest.mark.filterwarnings("ignore")
class TestNonsense:
    """Nothing but the fault server is needed here."""

    @pytest.mark.parametrize(
        ("answer", "reasons"),
        [
            (fault.portal(), {"portal"}),
            (fault.login(), {"portal"}),
            (fault.status(403), {"credentials"}),
            (fault.status(404), {"target_missing", "portal"}),
        ],
        ids=["page", "redirect", "403", "404"],
    )
    def test_it_is_named_and_the_next_object_is_tried_all_the_same(self, target, answer, reasons):
        with FaultServer() as server:
            server.usual = answer
            store = target(server.port)
            for _ in range(2):
                assert reason(store)[0] in reasons

    def test_nobody_listens(self, target):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        assert reason(target(port)) == ("unreachable", False)

    def test_a_black_hole_is_given_up(self, target):
        with FaultServer() as server:
            server.usual = fault.silent()
            began = time.monotonic()
            assert reason(target(server.port, seconds=lambda _size: 3.0)) == ("timeout", False)
            assert time.monotonic() - began < 15
