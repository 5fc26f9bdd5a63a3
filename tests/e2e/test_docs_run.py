"""Every command line of the documentation and of the help is run, on a site where a gateway has run for a while.

What stands there for a plant of the reader's (`opc.tcp://plc:4840`, `s3://plant-data`) is replaced by what is here.
What cannot be run so is listed with the reason, and with the test that runs it instead.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.cli import app
from tests.e2e.test_first_steps import free_ports, run, running, wait_for, windows
from tests.edge_gateway.test_docs import LEAVES, ROOT, blocks, leaf_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="this is the wheel's test run"),
]

# First words of lines that are not run, and why. A test that is named must be there.
NOT_RUN = {
    "run gateway.toml --host": "tests/edge_gateway/test_cluster.py: needs two hosts",
    "run gateway.toml --processes": "tests/edge_gateway/test_cluster.py: goes on until it is stopped",
    "run gateway.toml --workers-per-process": "tests/edge_gateway/test_cluster.py: goes on until it is stopped",
    "run": "tests/e2e/test_first_steps.py: goes on until it is stopped",
    "simulate": "tests/e2e/test_first_steps.py: goes on until it is stopped",
    "top": "tests/edge_gateway/test_overview.py: goes on until it is stopped",
    "demo": "tests/edge_gateway/test_demo_ends.py: takes minutes; `make demo` runs it",
    "train": "tests/edge_gateway/test_training.py: needs hours of data",
    "evaluate": "tests/edge_gateway/evaluation/test_evaluate.py: needs labelled data",
    "model import": "tests/edge_gateway/commands/test_model_import.py: needs a model of others",
    "model keygen": "",  # is run
    "model list": "",
    "model list --from": "tests/e2e/test_model_fleet.py: needs a key and a channel",
    "model": "tests/edge_gateway/commands/test_models.py: needs a trained bundle",
    "alerts unshelve": "tests/edge_gateway/commands/test_alerts.py: needs an alarm that is shelved",
    "test": "tests/edge_gateway/cases/test_cases.py: needs a folder of cases",
    "replay historian.csv": "tests/edge_gateway/replay: needs an export",
    "replay today.parquet --gateway new.toml": "tests/edge_gateway/replay: needs another configuration",
    "replay today.parquet --gateway new-rules.toml": "tests/edge_gateway/replay: needs another configuration",
    "outbox drain --to": "",
    "doctor gateway.toml --out": "tests/edge_gateway/doctor: needs a log",
}
# Lines whose answer may be no here, and rightly so.
MAY_SAY_NO = {
    "health": "the gateway is stopped",
    "status": "the gateway is stopped",
    "reload": "the gateway is stopped",
    "record gateway.toml --out fault.parquet": "nothing was recorded that day",
}

MAY_BE_LONG = {"query", "compact", "outbox"}  # their JSON is an object a line, of which there may be none


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """A folder that a gateway left behind, with an alarm that is open, and what is to be replaced by what."""
    folder = tmp_path_factory.mktemp("site")
    port = free_ports()
    run("init", "--port", str(port), str(folder))
    config = folder / "gateway.toml"
    globs = '[[opcua.globs]]\nglob = "**/head"\nsampling_interval = "100ms"\n\n[[modbus]]'
    text = config.read_text().replace("[[modbus]]", globs, 1).replace('length = "5s"', 'length = "2s"')
    config.write_text(
        text + '\n[[rules]]\nassets = ["tank-1"]\ntag = "level"\nkind = "limit"\nname = "anomaly"\nh = 1.0\n'
    )
    with running(["simulate", "pump", "--port", str(port)], folder) as plant:
        assert plant.stdout is not None
        plant.stdout.readline()
        run("resolve", "gateway.toml", folder=folder)
        with running(["run", "gateway.toml"], folder) as gateway:
            wait_for(lambda: windows(folder) >= 6, gateway)
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(25) == 0
        (folder / "lake").mkdir()
        told = json.loads(run("alerts", "ls", "--json", folder=folder))
        (alarm,) = [one for one in told if one["asset"] == "tank-1"]
        yield (
            folder,
            {
                "opc.tcp://plc:4840": f"opc.tcp://127.0.0.1:{port}/plant",
                "modbus://plc": f"modbus://127.0.0.1:{port + 1}",
                "holding:0-9": "holding:500-503",
                "1-20": "1 --pause 0",
                "nsu=urn:plant;s=flow": "nsu=urn:sluicegate:simulator;s=pump-1.flow",
                "s3://plant-data": "cloud",
                "s3://plant-lake": "lake",
                "/mnt/cloud": "cloud",
                "/mnt/stick": "lake",
                "/mnt": "lake",
                "4f2a91c0": alarm["alert_id"][:8],
                "10min": "2s",
                "pump-1 --alarm": "tank-1 --alarm",
            },
        )


def lines() -> list[str]:
    """Each once, in the order of the documents."""
    found = [line for block in blocks("sh") for line in str(block.values[1]).replace("\\\n", " ").splitlines()]
    found += [example for leaf in LEAVES for example in leaf.examples]
    words = [shlex.split(line, comments=True) for line in found]
    return list(dict.fromkeys(shlex.join(one[1:]) for one in words if one[:1] == ["sluicegate"]))


def first_of(line: str, table: Mapping[str, str]) -> str | None:
    """The longest entry of a table that the line begins with."""
    fitting = [words for words in table if (line + " ").startswith(words + " ")]
    return max(fitting, key=len, default=None)


def test_what_is_not_run_is_run_elsewhere() -> None:
    for words, why in NOT_RUN.items():
        path = why.partition(":")[0]
        assert not path or (ROOT / path).exists(), f"{words}: {path} is not there"
    unused = [words for words in (*NOT_RUN, *MAY_SAY_NO) if not any(first_of(line, {words: ""}) for line in lines())]
    assert unused == []


def test_every_line_runs(site: tuple[Path, Mapping[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test and not one a line: several workers would each let a gateway run first."""
    folder, replaced = site
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    failed = {}
    for number, line in enumerate(with_json(lines())):
        if (known := first_of(line, NOT_RUN)) is not None and NOT_RUN[known]:
            continue
        here = tmp_path / str(number)
        shutil.copytree(folder, here, ignore=bells)
        monkeypatch.chdir(here)
        prepare(line, here)
        words = shlex.split(with_what_is_here(line, replaced))
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        if done.exit_code != 0 and not (done.exit_code == 1 and first_of(line, MAY_SAY_NO)):
            failed[line] = f"{done.exit_code}: {done.output}"
        elif (
            "--json" in words and done.exit_code == 0 and not is_json(done.stdout, none_is_fine=words[0] in MAY_BE_LONG)
        ):
            failed[line] = f"is no JSON: {done.stdout}"
    assert not failed, "\n".join(f"sluicegate {line}\n{told}" for line, told in failed.items())


def with_json(told: list[str]) -> list[str]:
    """And the first line of every command that reports once more, for machines."""
    first: dict[tuple[str, ...], str] = {}
    for line in told:
        leaf = leaf_of(shlex.split(line))
        if leaf.has_json and leaf.path != ("run",):
            first.setdefault(leaf.path, line)
    return list(dict.fromkeys([*told, *(line if "--json" in line else f"{line} --json" for line in first.values())]))


def is_json(text: str, *, none_is_fine: bool) -> bool:
    """One document, or an object a line, of which there may be none."""
    if not text.strip():
        return none_is_fine
    try:
        json.loads(text)
    except ValueError:
        try:
            return all(isinstance(json.loads(line), dict) for line in text.splitlines())
        except ValueError:
            return False
    return True


def with_what_is_here(line: str, replaced: Mapping[str, str]) -> str:
    for told, real in replaced.items():
        line = re.sub(rf"(?<![\w/]){re.escape(told)}(?![\w-])", lambda _, real=real: real, line)  # type: ignore[misc]
    return line


def bells(folder: str, names: list[str]) -> list[str]:
    """Bells that the processes left; they cannot be copied."""
    return [name for name in names if (Path(folder) / name).is_fifo()]


def prepare(line: str, here: Path) -> None:
    """What a reader would have done before."""
    if line.startswith("cert init"):
        shutil.rmtree(here / "data" / "identity")
    if line.startswith("import telegraf.conf"):
        (here / "gateway.toml").unlink()
        shutil.copy(ROOT / "tests/edge_gateway/telegraf/cases/opcua/telegraf.conf", here)
    if line.startswith("replay today.parquet"):
        made = CliRunner().invoke(app, ["record", "gateway.toml", "--out", "today.parquet"])
        assert made.exit_code == 0, made.output
