"""The fault matrix of OPC-UA: two servers, a proxy before them, a driver, and an account of everything that arrived."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import importlib.util
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from connectors import status
from connectors.opcua.certificates import make_self_signed
from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.seam.explain import code_name
from connectors.opcua.settings import OpcUaSettings, OpcUaTag
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

HERE = Path(__file__).parent
NODE_FOLDER = HERE.parents[2] / "var" / "node"
PERIOD_NS = 50_000_000  # of the tick
PLANT, GATEWAY_URI = "urn:test:plant", "urn:test:gateway"
TYPES = json.loads((HERE / "types.json").read_text())
USUAL = ("tick", "level", "setpoint")


def _load_rig() -> ModuleType:
    """The proxy of the driver's own tests: test modules cannot import one another."""
    spec = importlib.util.spec_from_file_location("opcua_rig", HERE.parents[1] / "connectors" / "opcua" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


RIG = _load_rig()


def why_no_node() -> str | None:
    """Why the half of node-opcua cannot run here; None if it can."""
    if os.environ.get("FAULTS_NODE") != "1":
        return "the half of node-opcua runs with `make faults`"
    if shutil.which("node") is None:
        return "there is no `node` on the path (Debian: apt install nodejs npm)"
    if not (NODE_FOLDER / "node_modules" / "node-opcua").is_dir():
        return "node-opcua is not in var/node; `make faults` installs it"
    return None


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of server, gateway, and a server with one that is wrong in every way."""
    folder = tmp_path_factory.mktemp("pki")
    make_self_signed(folder / "server", "urn:test:server", ["127.0.0.1", "localhost"])
    make_self_signed(folder / "gateway", GATEWAY_URI, [socket.gethostname()])
    _make_wrong(folder)
    for name in ("server", "wrong"):
        certificate = x509.load_der_x509_certificate((folder / name / "certificate.der").read_bytes())
        (folder / name / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return folder


def _make_wrong(folder: Path) -> None:
    """`wrong`: of an authority (`authority`), for another host, and expired yesterday."""
    now = dt.datetime.now(dt.UTC)
    keys = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("authority", "wrong")}
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    for name, key in keys.items():
        alternative = [x509.UniformResourceIdentifier("urn:test:server"), x509.DNSName("elsewhere.test")]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=10 if name == "authority" else -1))
            .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
            .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
            .sign(keys["authority"], hashes.SHA256())
        )
        (folder / name).mkdir()
        (folder / name / "certificate.der").write_bytes(certificate.public_bytes(Encoding.DER))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (folder / name / "private_key.pem").write_bytes(pem)


@dataclass
class Server:
    """One of the two servers; may be started again on the same port. README.md: options and commands."""

    kind: str
    pki: Path
    port: int = 0
    options: tuple[str, ...] | None = None
    process: subprocess.Popen[str] | None = None
    lives: list[list[int]] = field(default_factory=list)  # first and last tick of every life

    def start(self, *options: str) -> None:
        self.port = self.port or RIG.free_port()
        if self.kind == "asyncua":
            command, environment = [sys.executable, str(HERE / "asyncua_peer.py")], None
        else:
            command = ["node", str(HERE / "node_opcua_peer.js")]
            environment = os.environ | {"NODE_PATH": str(NODE_FOLDER / "node_modules")}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  as long as the process
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--pki", str(self.pki), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            text=True,
        )
        self.options = options
        self.lives.append([int(self._answer("READY")), sys.maxsize])

    def _answer(self, word: str) -> str:
        """The next line that is meant for us; libraries print theirs between."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line.removeprefix(word)
            assert not line.startswith("FAILED"), line
        self._errors.seek(0)
        msg = f"the {self.kind} server ended: {self._errors.read()[-2000:].decode(errors='replace')}"
        raise AssertionError(msg)

    async def tell(self, command: str) -> dict[str, Any]:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(await asyncio.to_thread(self._answer, "OK"))
        return answer

    def kill(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._errors.close()
        self.process = None
        if self.lives:
            self.lives[-1][1] = time.time_ns() // PERIOD_NS

    def need(self, *options: str) -> None:
        """Be there with these options; started again only where it has others."""
        if self.process is None or self.options != options:
            self.kill()
            self.start(*options)
        for command in ("clock 0 0", "silence off", "refuse off", "status level 0", "swallow 0 lose"):
            asyncio.run(self.tell(command))


@pytest.fixture(scope="module", params=["asyncua", "node-opcua"])
def server(request: pytest.FixtureRequest, pki: Path) -> Iterator[Server]:
    """Shared by the tests of a module, for it takes seconds to start; each says what it needs."""
    if request.param == "node-opcua" and (reason := why_no_node()):
        pytest.skip(reason)
    one = Server(request.param, pki)
    yield one
    one.kill()


def make_settings(server: Server, port: int, tags: tuple[str, ...] = USUAL, **changes: object) -> OpcUaSettings:
    pki = server.pki
    values: dict[str, object] = {
        "name": "plant",
        "endpoint": f"opc.tcp://127.0.0.1:{port}",
        "application_uri": GATEWAY_URI,
        "certificate": pki / "gateway" / "certificate.der",
        "private_key": pki / "gateway" / "private_key.pem",
        "server_certificate": pki / "server" / "certificate.der",
        "publishing_interval": timedelta(milliseconds=100),
        "keepalive": timedelta(milliseconds=500),
        "connect_timeout": timedelta(seconds=2),
        "request_timeout": timedelta(seconds=2),
        "reconnect_min": timedelta(milliseconds=50),
        "reconnect_max": timedelta(milliseconds=400),
        "tags": tuple(
            # The server tells every change; 1,000 of them fit.
            OpcUaTag(
                "pump",
                name,
                f"nsu={PLANT};s={name}",
                sampling_interval=timedelta(0),
                queue_size=10 if name == "bursty" else 1000,
            )
            for name in tags
        ),
    }
    return OpcUaSettings(**{**values, **changes})  # type: ignore[arg-type]


class Run:
    """A driver at work, and the account of what it emitted."""

    def __init__(self, settings: OpcUaSettings) -> None:
        names = [tag.tag for tag in settings.tags]
        tags = tuple(Tag(n, interval_s=0.001, waveform=True) if n == "wave" else Tag(n) for n in names)
        self.table = TagTable("pump", tags)
        self.driver = OpcUaDriver(settings, (self.table,), retry_refused=timedelta(seconds=1))
        self.items: list[Item] = []
        self.arrived: list[float] = []  # when, beside `items`
        self.logs: list[Any] = []
        self._task = asyncio.create_task(self.driver.run(self._take))

    def _take(self, item: Item) -> None:
        self.items.append(item)
        self.arrived.append(time.monotonic())

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if self._task.done():
                self._task.result()
            assert time.monotonic() < end, f"{what}; {self.driver.trouble} {self.driver.counters()} {self.logs[-3:]}"
            await asyncio.sleep(0.02)

    async def ticks(self, count: int, since: int = 0) -> None:
        await self.until(lambda: len(self.good("tick", since=since)) >= count, f"{count} ticks")

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def blocks(self, since: int = 0) -> list[SampleBatch]:
        return [item for item in self.items[since:] if isinstance(item, SampleBatch)]

    def samples(self, name: str, since: int = 0) -> list[tuple[float, int, int]]:
        """Value, status and source time of a tag, in the order of emission, from item number `since` on."""
        tag = self.table.index(name)
        return [
            (float(block.value[i]), int(block.status[i]), int(block.source_time[i]))
            for block in self.blocks(since)
            for i in (block.tag == tag).nonzero()[0]
        ]

    def good(self, name: str, since: int = 0) -> list[float]:
        return [value for value, code, _ in self.samples(name, since) if code >> 30 == 0]

    def codes(self, name: str, since: int = 0) -> list[int]:
        return [code for _, code, _ in self.samples(name, since)]

    def notices(self) -> list[Notice]:
        return [item for item in self.items if isinstance(item, Notice)]

    def gaps(self) -> list[Notice]:
        return [notice for notice in self.notices() if notice.kind == NoticeKind.GAP]

    def told(self, event: str) -> list[Any]:
        return [line for line in self.logs if event in line["event"]]


@contextlib.asynccontextmanager
async def running(settings: OpcUaSettings) -> AsyncIterator[Run]:
    with capture_logs() as logs:
        run = Run(settings)
        run.logs = logs
        try:
            yield run
        finally:
            await run.stop()


def is_right(name: str, value: float, time_ns: int, received_ns: int, offsets_ms: tuple[int, ...]) -> bool:
    """Whether a tag of the plant can have this value at this time, which may be that of its receipt.

    The latter is so for a first value that had not changed lately, and for a timestamp that is not believed.
    """
    at_receipt = -100_000_000 < received_ns - time_ns < 1_500_000_000  # a server may tell its clock once a second
    if name in ("tick", "level"):
        k = value - (0.5 if name == "level" else 0.0)
        right = any(time_ns == int(k) * PERIOD_NS + ms * 1_000_000 for ms in offsets_ms)
        return k.is_integer() and (right or (at_receipt and 0 <= received_ns - int(k) * PERIOD_NS < 2_500_000_000))
    if name == "bursty":
        return value == time_ns // 1_000_000 % 100_000 or (at_receipt and 0 <= value < 100_000)
    if name.startswith("item"):
        return value == int(name[4:]) + 0.25
    if name in ("setpoint", "absent"):
        return value == (42 if name == "setpoint" else 7)
    expected = next(one["expect"] for one in TYPES if one["name"] == name)
    return any(value == float(x) or (math.isnan(value) and x == "NaN") for x in _listed(expected))


def _listed(expected: Any) -> list[Any]:
    return expected if isinstance(expected, list) else [expected]


@dataclass
class Account:
    """What a fault came to. `first_s`: from the end of the fault to the first good tick."""

    fault: str
    how: str
    server: str
    first_s: float | None
    lost: int
    unreported: int
    repeated: int
    wrong: int
    reported: str


def account(
    run: Run,
    server: Server,
    fault: str,
    how: str,
    healed: float | None,
    *,
    silent: tuple[int, int] = (0, 0),
    offsets_ms: tuple[int, ...] = (0,),
) -> Account:
    """Balance what the server produced against what arrived.

    Args:
        run: Stopped or not.
        server: Knows which ticks it can have produced.
        fault: Its id.
        how: What was done.
        healed: When the fault was over, monotonic; None: it never was.
        silent: Ticks from .. to that were not produced.
        offsets_ms: Of the server's clock.
    """
    ticks = Counter(int(value) for value in run.good("tick"))
    edges = (min(ticks), max(ticks)) if ticks else (0, -1)
    produced = {
        k
        for first, last in server.lives
        for k in range(max(first, edges[0]), min(last, edges[1]) + 1)
        if not silent[0] <= k <= silent[1]
    }
    lost = produced - set(ticks)
    holes = [(gap.start, gap.end) for gap in run.gaps()] + (_marked_holes(run) if len(offsets_ms) > 1 else [])
    wrong = [
        (name, value, when, block.received_time)
        for block in run.blocks()
        for tag, value, when, code in zip(block.tag, block.value, block.source_time, block.status, strict=True)
        if int(code) >> 31 == 0
        and not is_right(name := run.table.names[tag], float(value), int(when), block.received_time, offsets_ms)
    ]
    assert not wrong, wrong
    first = None
    if healed is not None:
        later = [
            at
            for at, item in zip(run.arrived, run.items, strict=True)
            if at >= healed
            and isinstance(item, SampleBatch)
            and ((item.tag == run.table.index("tick")) & status.is_good(item.status)).any()
        ]
        first = round(later[0] - healed, 2) if later else None
    return Account(
        fault,
        how,
        server.kind,
        first,
        len(lost),
        sum(not any(start < k * PERIOD_NS < end for start, end in holes) for k in lost),
        sum(count - 1 for count in ticks.values()),
        len(wrong),
        _reported(run),
    )


def _marked_holes(run: Run) -> list[tuple[int, int]]:
    """Where event time goes back a gap says little about the ticks: from the last one before the marks to the next."""
    ticks = [value for value, _, _ in run.samples("tick")]
    at = run.codes("tick").index(status.BAD_NO_COMMUNICATION)
    return [(int(ticks[at - 1]) * PERIOD_NS, int(ticks[at + 1]) * PERIOD_NS)]


def _reported(run: Run) -> str:
    parts = [f"notice {notice.kind.value}: {notice.reason}" for notice in run.notices()]
    codes = Counter({code for name in run.table.names for code in run.codes(name) if code})
    parts += sorted(code_name(code & 0xFFFF_0000) if code >> 16 else f"0x{code:X}" for code in codes)
    parts += [
        f"{line['event'].removeprefix('opcua ')}" + (f" ({line['kind']})" if "kind" in line else "")
        for line in run.logs
        if line["log_level"] != "info"
    ]
    parts += [
        f"{number} {name.replace('_', ' ')}"
        for name, number in run.driver.counters().items()
        if number and name in ("replayed_messages", "lost_messages", "overflows", "type_mismatches", "time_substituted")
    ]
    return ", ".join(dict.fromkeys(parts))


@pytest.fixture
def harness() -> ModuleType:
    """This module."""
    return sys.modules[__name__]


@pytest.fixture
def settle(request: pytest.FixtureRequest) -> Callable[[Account], Account]:
    """Writes the account down for matrix.py and holds what is true of every fault."""

    def write(one: Account) -> Account:
        if path := os.environ.get("FAULTS_TABLE"):
            with Path(path).open("a") as file:
                file.write(json.dumps(one.__dict__) + "\n")
        assert one.wrong == 0, one
        assert one.unreported == 0, one
        return one

    return write
