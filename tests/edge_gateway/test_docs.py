"""Every example of the documentation is held against what it speaks of: a block of another kind must be told here how.

`sh`: a line of `sluicegate` parses as the command line does, and tests/e2e/test_docs_run.py runs it; targets, files and
modules of others are there.
`toml`: the sections take it. `python`: it compiles and what it imports is there; those that can run are run by the test
named in `RUN_BY`.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from connectors.modbus.address_table import parse_table
from edge_gateway.cli import app
from edge_gateway.command_tree import Leaf, leaves
from edge_gateway.config.config import Config
from edge_gateway.config.environment import expanded

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / room for room in ()), *ROOT.glob("[a-z]*/**/*.md"))
    if not {"var", "node_modules", "tests"} & set(path.relative_to(ROOT).parts)
)
pytestmark = pytest.mark.skipif(not (ROOT / "edge_gateway").is_dir(), reason="this is the wheel's test run")

LEAVES = list(leaves(app))
NOT_CONFIGURATION = {"connectors/modbus/README.md"}  # addresses in the form of a table, see below
LANGUAGES = {"", "sh", "toml", "python", "sql", "csv", "json", "text", "ini", "yaml"}
# Besides sluicegate. `other_program` looks at the first ones; the others are not run here, and this is why.
LOOKED_AT = {"make", "cp", "cd", "python", "export"}
NOT_RUN = {
    "curl": "asks a gateway that runs; tests/edge_gateway/page and health ask the same paths",
    "install": "changes the machine; the files are those of the text around it",
    "systemctl": "changes the machine; the unit has tests of its own",
    "docker": "needs an engine; the files that it is given have tests of their own",
    "podman": "needs an image; .ci/run builds and runs it",
    "buildah": "needs a base image; .ci/run builds it",
    "kubectl": "needs a cluster; the manifest has tests of its own",
    "k3s": "is the cluster",
}
RUN_BY = {
    "README.md": "tests/edge_gateway/test_readme.py",
    "models/README.md": "tests/models/test_readme.py",
    "cloud_sink/READING.md": "tests/cloud_sink/lake/test_reading.py",
    "edge_gateway/RECORDINGS.md": "tests/edge_gateway/cases/test_cases.py",
    "flows/README.md": "",  # one expression inside a flow: it compiles and its names are there
}
GATEWAY: dict[str, Any] = {
    "gateway": {"site": "s", "name": "g", "data": "data"},
    "target": [{"kind": "file", "path": "cloud"}],
    "modbus": [{"name": "m", "host": "h", "tags": [{"asset": "pump-1", "tag": "flow", "address": "holding:1:uint16"}]}],
}
OPCUA = {"name": "plc", "endpoint": "opc.tcp://plc:4840", "trust_folder": "trusted"}


def blocks(language: str) -> list[Any]:
    found = []
    for path in FILES:
        name = str(path.relative_to(ROOT))
        for number, (kind, body) in enumerate(re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(), re.M | re.S)):
            if kind == language:
                found.append(pytest.param(name, body, id=f"{name}-{number}"))
    return found


def test_every_block_is_of_a_language_that_is_looked_at() -> None:
    kinds = {kind for path in FILES for kind in re.findall(r"^```(\w+)\n", path.read_text(), re.M)}
    assert kinds <= LANGUAGES, "tell in this file how a block of that language is tested"
    assert {"sh", "toml", "python"} <= kinds


@pytest.mark.parametrize(("name", "body"), blocks("sh"))
def test_every_command_line_parses(name: str, body: str) -> None:
    for line in body.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words and (words[0] == "sudo" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
            words = words[1:]
        if words and words[0] == "sluicegate":
            whole(words[1:])
        elif words:
            other_program(words)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_mentioned_is_there_with_its_options(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for mention in re.findall(r"`sluicegate ([^`]+)`", re.sub(r"\s+", " ", prose)):
        mentioned(mention)


@pytest.mark.parametrize(("name", "body"), blocks("toml"))
def test_every_piece_of_configuration_is_accepted(name: str, body: str) -> None:
    if name in NOT_CONFIGURATION:
        for line in body.strip().splitlines():
            parse_table(tomllib.loads(f"address = {line}")["address"])
        return
    data, problems = expanded(tomllib.loads(body), {"HOSTNAME": "gateway-1"})
    assert problems == []
    if isinstance(below := data.get("opcua"), dict):
        data["opcua"] = [OPCUA | below]
    Config.model_validate(GATEWAY | data)


@pytest.mark.parametrize(("name", "body"), blocks("python"))
def test_every_piece_of_python_is_run_somewhere_and_imports_what_is_there(name: str, body: str) -> None:
    assert name in RUN_BY, "add the file to RUN_BY with the test that runs its blocks"
    assert (ROOT / RUN_BY[name]).exists()
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            module = importlib.import_module(node.module)
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
        elif isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)


def whole(words: list[str]) -> None:
    """A line that can be typed as it stands."""
    leaf = leaf_of(words)
    leaf.command.make_context(leaf.name, words[len(leaf.path) :])


def mentioned(text: str) -> None:
    """A command in a sentence, which may leave out arguments: its words and options must be there."""
    words = shlex.split(text.replace("'", ""), comments=True)
    paths = {leaf.path[:depth] for leaf in LEAVES for depth in range(1, len(leaf.path) + 1)}
    first = words[0].split("|")[0]
    assert (first,) in paths or first.startswith("-") or first.isupper(), f"sluicegate {text}: no such command"
    below = [leaf for leaf in LEAVES if leaf.path[0] == first]
    if groups := [leaf for leaf in below if len(words) > 1 and len(leaf.path) > 1 and words[1] in leaf.path[1:]]:
        below = groups
    known = {word for leaf in below for one in leaf.command.params for word in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "--version", "--install-completion", "--show-completion"}
    assert {word.split("=")[0] for word in words if re.match(r"--\w", word)} <= known, f"sluicegate {text}"


def leaf_of(words: list[str]) -> Leaf:
    for leaf in LEAVES:
        if tuple(words[: len(leaf.path)]) == leaf.path:
            return leaf
    raise AssertionError(f"sluicegate {' '.join(words)}: no such command; there are {[leaf.name for leaf in LEAVES]}")


def other_program(words: list[str]) -> None:
    assert words[0] in LOOKED_AT | NOT_RUN.keys(), f"{' '.join(words)}: tell in this file how it is tested"
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert re.search(rf"^{re.escape(words[1])}:", makefile, re.M), f"no target {words[1]}"
    elif words[0] == "cp":
        assert (ROOT / words[1]).exists()
    elif words[:2] == ["python", "-m"]:
        importlib.import_module(words[2])
