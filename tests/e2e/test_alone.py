"""What leaves the site, seen by the kernel: the whole gateway in a network namespace of its own, traced."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from cloud_sink.schema import ALERT_FIELDS, EVENT_FIELDS, FOOTERS, SUMMARY_HEAD, SUMMARY_TAIL
from connectors.journal.reader import JournalReader
from connectors.samples import SampleBatch
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.demo.files import DemoFiles
from edge_gateway.layout import Layout
from edge_gateway.training import train_bundle
from flows.window_settings import WindowSettings
from models.features import STANDARD

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

SCRIPT = Path(__file__).parent / "alone.py"
WINDOWS = WindowSettings("1s", lateness="500ms")
MOST_POINTS, MOST_TRACES = 64, 5  # [alerts] evidence_points, and what flows.alarms shows of an alarm


def why_not() -> str:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a network namespace takes root on Linux"
    if shutil.which("strace") is None or shutil.which("unshare") is None:
        return "strace or unshare is missing: apt-get install strace util-linux"
    tried = subprocess.run(["unshare", "-n", "strace", "-f", "-o", "/dev/null", "true"], check=False, timeout=30)
    return "" if tried.returncode == 0 else "namespaces or tracing are not allowed here"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway that has run, with what it did."""
    if reason := why_not():
        pytest.skip(reason)
    files = DemoFiles(tmp_path_factory.mktemp("alone"))
    files.prepare()
    items = (batch for batch in simulate(300, 11, 1_767_225_600_000_000_000) if batch.asset in PUMPS)
    train_bundle(items, TABLES[PUMPS[0]], WINDOWS, files.bundle, name="pump", version="1")
    done = subprocess.run(
        ["unshare", "-n", sys.executable, str(SCRIPT), str(files.root)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    log = files.log.read_text()[-2000:] if files.log.exists() else ""
    assert done.returncode == 0, f"{done.stderr}\n{log}"
    return files.root


def facts_of(ran: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ran / "facts.json").read_text())
    return found


def destinations(trace: str) -> set[str]:
    """Of every connect and every datagram, by the kernel's own account; whatever is no TCP/IP as it stands there."""
    found = set()
    for address in re.findall(r"\{sa_family=(.*?)\}", trace):
        ipv4 = re.fullmatch(r'AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\("(.*)"\)', address)
        found.add(f"{ipv4[2]}:{ipv4[1]}" if ipv4 else address)
    return found


def test_nobody_is_talked_to_who_is_not_configured(ran: Path) -> None:
    facts, trace = facts_of(ran), (ran / "trace").read_text()
    plant = urlsplit(facts["opcua_endpoint"]).netloc
    configured = {plant, f"{facts['modbus_host']}:{facts['modbus_port']}"}
    assert destinations(trace) == configured | {f"127.0.0.1:{one['port']}" for one in facts["servers"].values()}
    kinds = {kind.split("|")[0] for kind in re.findall(r"\bsocket\((\w+, \w+)", trace)}
    # By the datagram one libcurl, in pyarrow, asks whether there is IPv6; where anything was sent is told above
    assert kinds <= {"AF_INET, SOCK_STREAM", "AF_INET6, SOCK_STREAM", "AF_INET6, SOCK_DGRAM"}, "no raw socket"
    assert facts["home"] == [], "nothing is kept of this machine either"


def test_every_process_was_watched(ran: Path) -> None:
    """Else nothing would have been proven: acquire and deliver talked, and the flow scored."""
    trace = (ran / "trace").read_text()
    talkers = {line.split()[0] for line in trace.splitlines() if " connect(" in line}
    assert len(talkers) >= 2
    log = (ran / "gateway.log").read_text()
    for role in ("acquire", "flow", "deliver"):
        assert f"{role}_started" in log
    assert any(row["score"] is not None for rows in summaries(ran) for row in rows)


def test_the_ledger_tells_every_byte_that_each_of_them_got(ran: Path) -> None:
    command = [sys.executable, "-m", "edge_gateway", "egress", str(ran / "gateway.toml"), "--since", "1h", "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    servers = facts_of(ran)["servers"]
    wire: Counter[str] = Counter()
    for one in told["sums"]:
        (name,) = [name for name, server in servers.items() if f":{server['port']}" in one["target"]] or ["folder"]
        wire[name] += one["wire"]
    for name in ("bucket", "web", "broker"):
        assert wire[name] == servers[name]["heads"] + servers[name]["bodies"] > 0
    assert wire["influx"] == servers["influx"]["bodies"] > 0, "there without the heads of the requests"
    assert wire["folder"] == 0, "a folder is no network"


def objects(ran: Path, kind: str) -> Iterator[Path]:
    return (path for path in sorted((ran / "bucket/lake" / kind / "v1").rglob("*")) if path.is_file())


def summaries(ran: Path) -> Iterator[list[dict[str, Any]]]:
    return (pq.read_table(path, partitioning=None).to_pylist() for path in objects(ran, "summaries"))


def documents(ran: Path, kind: str) -> Iterator[dict[str, Any]]:
    for path in objects(ran, kind):
        yield from map(json.loads, gzip.decompress(path.read_bytes()).splitlines())


def test_summaries_hold_windows_and_no_samples(ran: Path) -> None:
    rows = [row for each in summaries(ran) for row in each]
    assert all(row["end"] - row["start"] == WINDOWS.length for row in rows)
    assert len({(row["asset"], row["tag"], row["start"]) for row in rows}) == len(rows), "a row a window and tag"
    features = set(STANDARD.features)
    for path in objects(ran, "summaries"):
        schema = pq.read_schema(path)
        assert set(schema.names) == {field.name for field in (*SUMMARY_HEAD, *SUMMARY_TAIL)} | features
        assert {key.decode() for key in schema.metadata} == {field.name for field in FOOTERS}
    reader = JournalReader(Layout(ran / "data").journal, 0)
    samples = 0
    while items := reader.read():
        samples += sum(len(item) for item in items if isinstance(item, SampleBatch))
    reader.close()
    assert sum(row["n"] + row["n_bad"] for row in rows) <= samples
    assert 0 < len(rows) < samples / 10


def test_alerts_hold_the_evidence_that_is_declared_and_no_more(ran: Path) -> None:
    alerts = list(documents(ran, "alerts"))
    top = {field.name.split(".")[0] for field in ALERT_FIELDS}
    inside = {field.name.split(".")[1] for field in ALERT_FIELDS if "." in field.name}
    assert alerts
    for alert in alerts:
        assert set(alert) == top
        evidence = alert["evidence"]
        assert (evidence is None) == (alert["state"] != "opened")
        if evidence is None:
            continue
        assert set(evidence) == inside
        assert len(evidence["traces"]) <= MOST_TRACES
        assert all(0 < len(trace["points"]) <= MOST_POINTS for trace in evidence["traces"])


def test_a_broker_got_the_same_records_and_no_more(ran: Path) -> None:
    messages = {message["key"]: message for message in map(json.loads, facts_of(ran)["messages"])}
    lines = {line["key"]: line for kind in ("alerts", "events") for line in documents(ran, kind)}
    both = messages.keys() & lines.keys()  # when it was stopped, one may have been on its way to the other
    assert any(messages[key].get("state") == "opened" for key in both)
    assert {key: messages[key] for key in both} == {key: lines[key] for key in both}
    fields = {field.name.split(".")[0] for field in (*ALERT_FIELDS, *EVENT_FIELDS)}
    assert all(set(message) <= fields for message in messages.values())


def test_nothing_else_was_delivered(ran: Path) -> None:
    kinds = {path.name for path in (ran / "bucket/lake").iterdir()}
    assert kinds <= {"alerts", "events", "summaries"}
    fields = {field.name for field in EVENT_FIELDS if "." not in field.name and field.absent is None}
    for event in documents(ran, "events"):
        assert set(event) - {"report", "total"} == fields
        assert ("total" in event) == (event["kind"] in {"late", "dropped"} and bool(event["asset"]))
