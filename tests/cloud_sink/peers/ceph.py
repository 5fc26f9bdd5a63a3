"""A real S3 server from Debian's packages: Ceph's radosgw over one monitor and one store in memory, on loopback.

It checks what moto does not: signatures, clocks, digests, quotas.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.words import Origin

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
KEYS = Credentials("AKIAGATEWAY", "secret/with+signs")
_START_S = 90
# An own interpreter beside it ends the server with this process, whatever happens.
_TIED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"
_CONFIG = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
run dir = {folder}
admin socket =
log file =
mon data = {folder}/mon
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 268435456
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
rgw frontends = beast endpoint=127.0.0.1:{rgw}
rgw thread pool size = 8
rgw bucket quota ttl = 0
rgw enable usage log = false
"""


@dataclass
class Ceph:
    """A cluster that runs."""

    folder: Path
    origin: Origin

    def admin(self, *arguments: str) -> str:
        """What `radosgw-admin` says."""
        return self.run("radosgw-admin", *arguments)

    def run(self, program: str, *arguments: str) -> str:
        """What one of Ceph's commands says."""
        command = [program, "-c", str(self.folder / "ceph.conf"), *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == 0, (command, ran.stderr[-2000:])
        return ran.stdout


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Ceph]:
    """With a user whose keys are `KEYS`; nothing of it is left afterwards but the folder."""
    mon, rgw = _free_port(), _free_port()
    fsid = str(uuid.uuid4())
    (folder / "ceph.conf").write_text(_CONFIG.format(fsid=fsid, folder=folder, mon=mon, rgw=rgw))
    ceph = Ceph(folder, Origin("http", "127.0.0.1", rgw))
    for name in ("mon", "osd"):
        (folder / name).mkdir()
    processes: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        log = (folder / f"{command[0]}.log").open("wb")
        command = (*command, "-c", str(folder / "ceph.conf"), "-f")
        processes.append(subprocess.Popen([sys.executable, "-c", _TIED, *command], stdout=log, stderr=log))

    try:
        _make_keys(ceph)
        ceph_map = str(folder / "monmap")
        subprocess.run(
            ["monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{mon}]", "--fsid", fsid, ceph_map],
            check=True,
            capture_output=True,
        )
        keyring = str(folder / "keyring")
        ceph.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", ceph_map, "--keyring", keyring)
        start("ceph-mon", "-i", "a")
        osd = str(uuid.uuid4())
        assert ceph.run("ceph", "--connect-timeout", str(_START_S), "osd", "new", osd).strip() == "0"
        ceph.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, "--keyring", keyring)
        start("ceph-osd", "-i", "0")
        start("radosgw", "-n", "client.rgw")
        _wait_for(rgw, processes)
        names = ("--uid=gateway", "--display-name=gateway")
        ceph.admin("user", "create", *names, f"--access-key={KEYS.access_key}", f"--secret={KEYS.secret_key}")
        yield ceph
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait(10)


def _make_keys(ceph: Ceph) -> None:
    keyring = str(ceph.folder / "keyring")
    everything = [part for who in ("mon", "osd", "mgr") for part in ("--cap", who, "allow *")]
    for number, name in enumerate(("mon.", "client.admin", "osd.0", "client.rgw")):
        create = ["--create-keyring"] if number == 0 else []
        command = ["ceph-authtool", *create, keyring, "--gen-key", "-n", name, *everything]
        subprocess.run(command, check=True, capture_output=True)


def _wait_for(port: int, processes: list[subprocess.Popen[bytes]]) -> None:
    give_up = time.monotonic() + _START_S
    while time.monotonic() < give_up:
        assert all(process.poll() is None for process in processes), "Ceph did not start"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise AssertionError("radosgw did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
