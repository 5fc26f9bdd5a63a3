"""The whole gateway in a network of its own, traced: `unshare -n python alone.py FOLDER`, started by test_alone.py.

The folder has a model. Plant, bucket, web server, broker and InfluxDB are on the loopback of the namespace,
where nothing else is. Leaves there what the kernel was asked for (`trace`), what the bucket got (`bucket/`), and where
everything was (`facts.json`).
"""

from __future__ import annotations

import base64
import fcntl
import gzip
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "cloud_sink"))

from counting_broker import CountingBroker
from fault_server import FaultServer, answer, read_body

from edge_gateway.demo.files import DemoFiles, config_text

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # netdevice(7)
# Whatever names a destination. A connected socket can only be written to where its connect said.
_CALLS = "socket,connect,sendto,sendmsg,sendmmsg"
_LOOK_AT_LEAST_S = 25.0  # what phones home does so within seconds of its import, and again while it works
_TARGETS = """
[[target]]
kind = "s3"
endpoint = "http://127.0.0.1:{bucket}"
bucket = "lake"
credentials_file = "credentials"
[[target]]
kind = "https"
url = "http://127.0.0.1:{web}/plant"
[[target]]
kind = "mqtt"
url = "mqtt://127.0.0.1:{broker}"
[[target]]
kind = "pyarrow"
uri = "abfs://account@127.0.0.1:{azure}/plant"
key_file = "azure-key"
[[target]]
kind = "file"
path = "cloud"
[[influx]]
url = "http://127.0.0.1:{influx}"
api = "v1"
database = "plant"
"""


class Influx(FaultServer):
    """Takes every write."""

    async def usual(self, request, reader, writer) -> bool:
        await read_body(request, reader)
        await answer(writer, 204)
        return True


def main(folder: Path) -> None:
    _raise_loopback()
    files = DemoFiles(folder)
    home = folder / "home"
    home.mkdir()
    # The web server at the place of Azure is none: who is asked is seen all the same
    with (
        FaultServer() as bucket,
        FaultServer() as web,
        Influx() as influx,
        CountingBroker() as broker,
        FaultServer() as azure,
    ):
        servers = {"bucket": bucket, "web": web, "influx": influx}
        plant = _start_plant(files.plant)
        try:
            facts = json.loads(plant.stdout.readline())
            ports = {name: server.port for name, server in servers.items()}
            _configure(files, facts, {**ports, "broker": broker.port, "azure": azure.port})
            _run(files, home, plant, bucket)
        finally:
            plant.stdin.close()
            plant.wait(10)
        for path, request in bucket.objects.items():
            kept = folder / "bucket" / path.lstrip("/")
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(request.body)
        facts["servers"] = {
            name: {
                "port": server.port,
                "heads": sum(request.size for request in server.requests),
                "bodies": sum(len(request.body) for request in server.requests),
            }
            for name, server in servers.items()
        }
        facts["servers"]["broker"] = {"port": broker.port, "heads": 0, "bodies": broker.received}
        facts["servers"]["azure"] = {"port": azure.port, "heads": 0, "bodies": 0}
        facts["messages"] = [payload.decode() for _, payload in broker.messages]
    facts["home"] = [str(path.relative_to(home)) for path in home.rglob("*")]
    (folder / "facts.json").write_text(json.dumps(facts))


def _raise_loopback() -> None:
    with socket.socket() as any_socket:
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))


def _start_plant(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "connectors.simulator", "--seed", "3", "--folder", str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _configure(files: DemoFiles, facts: dict[str, Any], ports: dict[str, int]) -> None:
    text = config_text(facts).replace('length = "3s"', 'length = "1s"').replace('lateness = "1s"', 'lateness = "500ms"')
    text = text.replace('data = "data"', 'data = "data"\nepoch = "1s"').replace('"10s"   #', '"5s"   #')
    before, after = text.split('[[target]]\nkind = "file"\npath = "cloud"\n')
    files.config.write_text(before + _TARGETS.format(**ports) + after)
    keys = "[default]\naws_access_key_id = AK\naws_secret_access_key = secret\n"
    (files.root / "credentials").write_text(keys)
    (files.root / "azure-key").write_text(base64.b64encode(b"secret" * 8).decode())


def _run(files: DemoFiles, home: Path, plant: subprocess.Popen[str], bucket: FaultServer) -> None:
    """Until an alert and summaries lie in the bucket, then stop as an operator would, and see it end well."""
    # Nothing of CI's environment: its variables silence some telemetry, and the test would prove nothing.
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={_CALLS}", "-o", str(files.root / "trace")]
    command = [*trace, sys.executable, "-m", "edge_gateway", "run", str(files.config)]
    began = time.monotonic()
    with files.log.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=env) as traced:
        supervisor = None
        try:
            _until(lambda: _has(bucket, "summaries"), 60, "summaries in the bucket")
            supervisor = _child_of(traced.pid)
            plant.stdin.write("inject bearing_wear pump-1\n")
            plant.stdin.flush()
            _until(lambda: _opened(bucket), 40, "an alert in the bucket")
            _until(lambda: time.monotonic() - began > _LOOK_AT_LEAST_S, 60, "time to pass")
        finally:
            os.kill(supervisor or _child_of(traced.pid), signal.SIGTERM)
            ended = traced.wait(30)
    assert ended == 0, f"the gateway ended with {ended}"


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _has(bucket: FaultServer, kind: str) -> list[bytes]:
    return [request.body for path, request in list(bucket.objects.items()) if f"/{kind}/" in path]


def _opened(bucket: FaultServer) -> bool:
    return any(b'"state":"opened"' in gzip.decompress(body) for body in _has(bucket, "alerts"))


def _until(happened: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
