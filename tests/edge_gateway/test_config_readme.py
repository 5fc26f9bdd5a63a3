"""What edge_gateway/config/README.md tells is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge_gateway.config.config import Config
from edge_gateway.config.fields import sections_of
from edge_gateway.config.load import load
from edge_gateway.config.schema import schema

README = Path(__file__).parents[2] / "edge_gateway" / "config" / "README.md"
pytestmark = pytest.mark.skipif(
    not README.exists(), reason="the rooms' folders are not here: this is the wheel's test run"
)
REST = """
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


def fields(model: type[BaseModel] = Config) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield name
        for section in sections_of(info):
            yield from fields(section)


def told(heading: str) -> str:
    return README.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]


def test_every_option_that_names_a_secret_is_in_the_table() -> None:
    secret = re.compile(r".*_(key|file)|private_key|password_env")
    have = {name for name in fields() if secret.fullmatch(name)} - {"ca_file", "summary_file"}  # no secrets
    assert set(re.findall(r"`([a-z_]+(?:_file|_key|_env))`", told("Secrets"))) == have


def test_no_option_takes_a_secret_itself() -> None:
    words = re.compile("pass|secret|token|credential")
    assert [name for name in fields() if words.search(name) and not name.endswith(("_file", "_env"))] == []


def test_no_option_is_a_bare_number_of_seconds_or_bytes() -> None:
    unit = re.compile(r"_(s|ms|us|min|sec|seconds|minutes|hours|days|bytes|kb|mb|gb|mib)$")
    measure = re.compile(r"(Bytes|Seconds|Milliseconds|Minutes|Hours|Days|Time|Age|How long|How often the)\b")
    numbers = [
        (name, option)
        for section in schema()["$defs"].values()
        for name, option in section.get("properties", {}).items()
        if re.search(r'"type": "(integer|number)"', json.dumps(option))
    ]
    assert len(numbers) > 40
    assert [name for name, option in numbers if unit.search(name) or measure.match(option["description"])] == []


def test_the_example_of_the_environment_loads(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", told("Values of the environment"), re.DOTALL)
    path = tmp_path / "gateway.toml"
    path.write_text(block + REST)
    config = load(path, environ={"HOSTNAME": "gw-7", "PAGE": "false", "DAYS": "3"})
    assert (config.gateway.name, config.page.port, config.page.enabled) == ("gw-7", 8686, False)
    assert config.journal.retention.days == 3
