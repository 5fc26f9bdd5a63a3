"""The README tells only what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from bytewax.dataflow import Dataflow

from edge_gateway.cli import app
from edge_gateway.config.load import load
from edge_gateway.gateway import LocalGateway

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = (ROOT / "edge_gateway").is_dir()  # not there when the wheel is tested

CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[modbus]]
name = "m"
host = "h"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:1:uint16"
[[target]]
kind = "file"
path = "cloud"
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.skipif(not SOURCES, reason="the rooms' folders are not here: this is the wheel's test run")
def test_every_linked_and_named_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    named = re.findall(r"`((?:connectors|models|flows|cloud_sink|edge_gateway)/[\w/.]+)`", README)
    assert len(links) > 10
    assert [path for path in (*links, *named) if not (ROOT / path).exists()] == []


def test_every_command_is_there() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups}
    told = set(re.findall(r"^sluicegate (\w+)", "\n".join(blocks("sh")), re.MULTILINE))
    told |= set(re.findall(r"`sluicegate (\w+)", README))
    assert told
    assert told <= commands
    assert isinstance(typer.main.get_command(app), object)


def test_every_make_target_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert told
    assert told <= targets


def test_the_dataflow_builds(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    gateway = LocalGateway(load(tmp_path / "gateway.toml"), lambda: True, lambda: None)
    (example,) = blocks("python")
    scope: dict[str, object] = {}
    exec(example, scope)
    build = scope["build"]
    assert callable(build)
    flow = build(gateway)
    assert isinstance(flow, Dataflow)
    assert [step.step_id for step in flow.substeps][:2] == ["press_line.samples", "press_line.window"]
