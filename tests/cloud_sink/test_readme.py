"""The README of this room tells every outcome that the code knows, and its examples are accepted."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import cloud_sink
from cloud_sink.errors import PermanentReason, TransientReason
from cloud_sink.outcomes import STATUSES
from edge_gateway.commands.register_outbox import outbox
from edge_gateway.config.config import Config
from edge_gateway.config.fields import sections_of
from tests.faults.delivery.rows import ROWS

README = (Path(cloud_sink.__file__).parent / "README.md").read_text()
TABLE = README[README.index("| Outcome") : README.index("There is no time-out")]


@pytest.mark.parametrize("reason", [*TransientReason, *PermanentReason])
def test_every_reason_is_told(reason):
    assert f"`{reason}`" in TABLE


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_told(status):
    assert re.search(rf"\b{status}\b", TABLE)


def _sections(name):
    return sections_of(Config.model_fields[name])


def test_the_examples_are_accepted():
    seen = set()
    for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL):
        for name, tables in tomllib.loads(block).items():
            for table in tables if isinstance(tables, list) else [tables]:
                kind = table.get("kind", name)
                sections = {
                    s.__name__.removesuffix("Section").removesuffix("Target").lower(): s for s in _sections(name)
                }
                sections[kind].model_validate(table)
                seen.add(kind)
    assert seen == {"file", "s3", "https", "mqtt", "pyarrow", "uplink"}


def test_every_fault_that_is_made_is_in_the_table():
    """`make delivery-faults ARGS=--write` writes it; these are its rows."""
    begin, end = README.index("<!-- delivery faults: begin -->"), README.index("<!-- delivery faults: end -->")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in README[begin:end].splitlines() if "|" in line]
    assert [tuple(row[:2]) for row in rows[2:]] == list(ROWS)
    assert all(row[3] == "0" or row[0] == "C4" for row in rows[2:])
    assert all(row[4] == "0" for row in rows[2:])


def test_every_command_of_the_outbox_is_told():
    commands = {command.name or command.callback.__name__ for command in outbox.registered_commands}
    assert set(re.findall(r"^sluicegate outbox (\w+)", README, re.MULTILINE)) == commands
