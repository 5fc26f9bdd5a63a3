"""Globs against a real server that grows, over SignAndEncrypt, with a user."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from connectors.errors import CertificateNotTrusted, GatewayNotTrusted
from connectors.opcua.certificates import make_self_signed
from connectors.samples import Item, SampleBatch
from edge_gateway.cli import app
from edge_gateway.commands.resolve import write
from edge_gateway.commands.resolve_links import told
from edge_gateway.config.load import load
from edge_gateway.drivers import make_drivers
from edge_gateway.tables import tag_tables

CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[target]]
kind = "file"
path = "cloud"
[[opcua]]
name = "plant"
endpoint = "{endpoint}"
trust_folder = "trusted"
user = "operator"
password_env = "PLC_PASSWORD"
publishing_interval = "100ms"
[[opcua.globs]]
glob = "Plant/*/temperature"
"""
ALL = '[[opcua.globs]]\nglob = "Plant/**"\n'

Sluicegate = Callable[..., Result]


class Plant:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = int(sock.getsockname()[1])
        self.endpoint = f"opc.tcp://127.0.0.1:{port}"
        certificate, key = make_self_signed(folder, "urn:test:server", ["127.0.0.1"])
        script = Path(__file__).parent / "peers" / "growing_plant.py"
        self.process = subprocess.Popen(
            [sys.executable, script, "--port", str(port), "--certificate", certificate, "--key", key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def add(self, path: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "OK"

    def stop(self) -> None:
        with self.process:
            self.process.kill()


@pytest.fixture
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    plant = Plant(tmp_path_factory.mktemp("server"))
    try:
        plant.add("Plant/pump-1/temperature")
        plant.add("Plant/pump-2/temperature")
        yield plant
    finally:
        plant.stop()


@pytest.fixture
def sluicegate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sluicegate:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLC_PASSWORD", "secret")
    (tmp_path / "trusted").mkdir()
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def states(told: Result) -> dict[str, str]:
    return {f"{tag['asset']}/{tag['tag']}": tag["state"] for tag in json.loads(told.stdout)["tags"]}


def first_values(path: Path) -> dict[str, float]:
    """Of all tags, by the drivers that the gateway would run."""
    config = load(path)
    tables = tag_tables(config)
    wanted = {f"{table.asset}/{name}" for table in tables for name in table.names}
    found: dict[str, float] = {}
    complete = asyncio.Event()

    def emit(item: Item) -> None:
        if isinstance(item, SampleBatch):
            for tag, value in zip(item.tag, item.value, strict=True):
                if np.isfinite(value):
                    found[f"{item.asset}/{item.tags.names[tag]}"] = float(value)
        if set(found) == wanted:
            complete.set()

    async def acquire() -> None:
        (driver,) = make_drivers(config, tables)
        running = asyncio.create_task(driver.run(emit))
        await asyncio.wait_for(complete.wait(), 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(acquire())
    return found


@pytest.mark.integration
def test_globs_are_resolved_once_and_stay(sluicegate: Sluicegate, plant: Plant, tmp_path: Path) -> None:
    path, pinned = tmp_path / "gateway.toml", tmp_path / "gateway.tags.toml"
    path.write_text(CONFIG.format(endpoint=plant.endpoint))
    refused = sluicegate("check", "gateway.toml")
    assert refused.exit_code == 2
    assert "is not resolved yet. Run `sluicegate resolve gateway.toml`" in refused.output

    untrusted = sluicegate("resolve", "gateway.toml")
    assert untrusted.exit_code == 2
    assert "is not trusted" in untrusted.output
    assert not pinned.exists()
    assert sluicegate("cert", "trust", plant.endpoint, "--gateway", "gateway.toml").exit_code == 0

    nothing_yet = sluicegate("resolve", "gateway.toml", "--check")
    assert (nothing_yet.exit_code, pinned.exists()) == (1, False)
    resolved = sluicegate("resolve", "gateway.toml")
    assert resolved.exit_code == 0, resolved.output
    assert "2 new, 0 gone, 0 changed, 0 kept; written" in resolved.output
    assert plant.endpoint in pinned.read_text().splitlines()[2]
    checked = sluicegate("check", "gateway.toml")
    assert checked.exit_code == 0, checked.output
    assert "2 (2 by" in checked.output
    assert first_values(path) == {"pump-1/temperature": 20.0, "pump-2/temperature": 20.0}

    # A person renames a pinned tag, and the server grows; nothing changes until it is resolved again.
    renamed = pinned.read_text().replace('asset = "pump-2", tag = "temperature"', 'asset = "old-pump", tag = "t"')
    pinned.write_text(renamed)
    plant.add("Plant/pump-0/temperature")
    assert len(load(path).opcua[0].tags) == 2
    differs = sluicegate("resolve", "gateway.toml", "--check")
    assert differs.exit_code == 1
    assert "it differs" in differs.output
    assert pinned.read_text() == renamed
    grown = sluicegate("resolve", "gateway.toml", "--json")
    assert grown.exit_code == 0
    assert states(grown) == {"old-pump/t": "kept", "pump-0/temperature": "new", "pump-1/temperature": "kept"}
    assert sluicegate("resolve", "gateway.toml", "--check").exit_code == 0
    assert set(first_values(path)) == {"old-pump/t", "pump-0/temperature", "pump-1/temperature"}

    # What was written does not change by resolving once more.
    once = pinned.read_bytes()
    again = sluicegate("resolve", "gateway.toml")
    assert "it is up to date" in again.output
    assert pinned.read_bytes() == once


@pytest.mark.integration
def test_what_cannot_be_resolved_leaves_the_file(sluicegate: Sluicegate, plant: Plant, tmp_path: Path) -> None:
    path, pinned = tmp_path / "gateway.toml", tmp_path / "gateway.tags.toml"
    plant.add("Plant/pump-1/name=text")
    plant.add("Plant/pump-1/spectrum=[]")
    text = CONFIG.format(endpoint=plant.endpoint)
    path.write_text(text + ALL)
    assert sluicegate("cert", "trust", plant.endpoint, "--gateway", "gateway.toml").exit_code == 0
    refused = sluicegate("resolve", "gateway.toml")
    assert refused.exit_code == 1
    reasons = "an earlier glob has it (2), array: waveform_rate is 0 (1), type String (1)"
    assert f"matches only variables that are left out: {reasons}" in refused.output
    assert not pinned.exists()

    plant.add("Plant/pump-1/flow")
    path.write_text(text + ALL)
    resolved = sluicegate("resolve", "gateway.toml")
    assert resolved.exit_code == 0, resolved.output
    assert "left out of plant Plant/**, type String: Plant/pump-1/name" in resolved.output
    before = pinned.read_bytes()
    told = sluicegate("resolve", "gateway.toml", "--check", "--json")
    assert told.exit_code == 0
    left_out = {"/".join(one["path"]): one["reason"] for one in json.loads(told.stdout)["left_out"]}
    assert left_out["Plant/pump-1/name"] == "type String"
    assert left_out["Plant/pump-1/temperature"] == "an earlier glob has it"

    path.write_text(text + '[[opcua.globs]]\nglob = "Plant/*/pressure"\n')
    none = sluicegate("resolve", "gateway.toml")
    assert none.exit_code == 1
    assert 'opcua[0] "plant".globs[1].glob = "Plant/*/pressure": matches no variable' in none.output
    path.write_text(text + ALL + 'start = "nsu=urn:none;i=1"\n')
    nowhere = sluicegate("resolve", "gateway.toml")
    assert (nowhere.exit_code, "is in a namespace that the server does not have" in nowhere.output) == (2, True)
    path.write_text(text + ALL)
    cut = sluicegate("resolve", "gateway.toml", "--limit", "3")
    assert (cut.exit_code, "has more than --limit 3 nodes" in cut.output) == (1, True)
    shallow = sluicegate("resolve", "gateway.toml", "--depth", "2")
    assert shallow.exit_code == 0  # as deep as the other glob needs it
    plant.add("Plant/pump-1/motor/winding/temperature")
    deep = sluicegate("resolve", "gateway.toml", "--depth", "2")
    assert (deep.exit_code, "more than 3 levels below i=85" in deep.output) == (1, True)
    plant.stop()
    away = sluicegate("resolve", "gateway.toml")
    assert (away.exit_code, "cannot be reached" in away.output) == (1, True)
    assert pinned.read_bytes() == before

    path.write_text(text)
    assert len(load(path).opcua[0].tags) == 2  # what the other glob had found is passed over


OWN = """[[opcua.tags]]
asset = "pump-1"
tag = "flow"
node = "nsu=urn:x;s=flow"
"""
PINNED = """[[globs]]
link = "plant"
glob = "Plant/*/temperature"
tags = [{ asset = "pump-1", tag = "temperature", node = "nsu=urn:x;s=1" }]
"""


def test_without_a_glob_there_is_nothing_to_ask_and_old_pins_go(sluicegate: Sluicegate, tmp_path: Path) -> None:
    text = CONFIG.format(endpoint="opc.tcp://127.0.0.1:1")
    (tmp_path / "gateway.toml").write_text(text[: text.index("[[opcua.globs]]")] + OWN)
    refused = sluicegate("resolve", "gateway.toml")
    assert (refused.exit_code, "has no globs to resolve" in refused.output) == (2, True)
    pinned = tmp_path / "gateway.tags.toml"
    pinned.write_text(PINNED)
    emptied = sluicegate("resolve", "gateway.toml")
    assert (emptied.exit_code, "0 new, 1 gone" in emptied.output) == (0, True)
    assert "[[globs]]" not in pinned.read_text()


def test_damaged_pins_are_refused_before_a_server_is_asked(sluicegate: Sluicegate, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG.format(endpoint="opc.tcp://127.0.0.1:1"))
    (tmp_path / "gateway.tags.toml").write_text(PINNED.replace("pump-1", "pump 1"))
    refused = sluicegate("resolve", "gateway.toml")
    assert refused.exit_code == 2
    assert 'tags[0] "temperature".asset = "pump 1"' in refused.output


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    pinned = tmp_path / "gateway.tags.toml"
    pinned.write_text("old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(pinned, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.tags.toml"]
    assert pinned.read_text() == "old"


def test_a_certificate_that_is_pinned_needs_another_file_and_no_command(sluicegate: Sluicegate, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    text = CONFIG.format(endpoint="opc.tcp://127.0.0.1:1")
    path.write_text(text.replace('trust_folder = "trusted"', 'server_certificate = "plc.der"'))
    error = CertificateNotTrusted("opc.tcp://127.0.0.1:1", "AB" * 20, "expected is plc.der")
    assert told(error, load(path, pinned=False).opcua[0], path) == f"{error}."


def test_a_server_that_does_not_trust_us_is_told_with_our_certificate(sluicegate: Sluicegate, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    text = CONFIG.format(endpoint="opc.tcp://127.0.0.1:1")
    pinned = text.replace('trust_folder = "trusted"', 'server_certificate = "plc.der"')
    others = [text[text.index("[[opcua]]") :].replace('"trusted"', f'"{name}"') for name in ("one", "two")]
    path.write_text(pinned + "".join(one.replace('"plant"', f'"{number}"') for number, one in enumerate(others)))
    error = GatewayNotTrusted("opc.tcp://127.0.0.1:1", "BadSecurityChecksFailed")
    link = load(path, pinned=False).opcua[0]
    assert "sluicegate cert show --gateway" in told(error, link, path)


BY_INDEX = """[[opcua.tags]]
asset = "pump-1"
tag = "{tag}"
node = "ns={index};s=Plant/pump-1/{name}"
"""


@pytest.mark.integration
def test_the_index_of_a_namespace_is_looked_up_once_and_stays(
    sluicegate: Sluicegate, plant: Plant, tmp_path: Path
) -> None:
    path, pinned = tmp_path / "gateway.toml", tmp_path / "gateway.tags.toml"
    text = CONFIG.format(endpoint=plant.endpoint)
    plant.add("Plant/pump-1/flow")
    path.write_text(text + BY_INDEX.format(tag="temperature", index=2, name="temperature"))
    refused = sluicegate("check", "gateway.toml")
    assert 'node = "ns=2;s=Plant/pump-1/temperature": is not resolved yet' in refused.output
    assert sluicegate("cert", "trust", plant.endpoint, "--gateway", "gateway.toml").exit_code == 0

    resolved = sluicegate("resolve", "gateway.toml")
    assert resolved.exit_code == 0, resolved.output
    assert 'index = 2\nuri = "urn:test:growing"\n' in pinned.read_text()
    assert [tag.node for tag in load(path).opcua[0].tags] == [
        "nsu=urn:test:growing;s=Plant/pump-1/temperature",  # that the glob found it too is passed over
        "nsu=urn:test:growing;s=Plant/pump-2/temperature",
    ]
    assert first_values(path) == {"pump-1/temperature": 20.0, "pump-2/temperature": 20.0}
    assert "it is up to date" in sluicegate("resolve", "gateway.toml").output

    # Without any glob; and an index that was looked up means what it meant then.
    bare = text[: text.index("[[opcua.globs]]")]
    path.write_text(bare + BY_INDEX.format(tag="flow", index=2, name="flow"))
    assert sluicegate("resolve", "gateway.toml").exit_code == 0
    assert first_values(path) == {"pump-1/flow": 20.0}
    pinned.write_text(pinned.read_text().replace("urn:test:growing", "urn:test:before"))
    moved = sluicegate("resolve", "gateway.toml")
    assert "namespace 2 is urn:test:growing now; ns=2 in the configuration stays urn:test:before" in moved.output
    assert load(path).opcua[0].tags[0].node.startswith("nsu=urn:test:before;")

    path.write_text(bare + BY_INDEX.format(tag="flow", index=99, name="flow"))
    beyond = sluicegate("resolve", "gateway.toml")
    assert (beyond.exit_code, "the server has no namespace of this index, only 0 to 2" in beyond.output) == (1, True)
    path.write_text(bare + BY_INDEX.format(tag="flow", index=0, name="flow"))
    assert load(path).opcua[0].tags[0].node == "s=Plant/pump-1/flow"
