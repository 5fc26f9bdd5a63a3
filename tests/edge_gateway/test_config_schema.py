"""The JSON Schema and the loader say the same of every single value."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

import edge_gateway
from edge_gateway.cli import app
from edge_gateway.commands.init import template_files
from edge_gateway.config.config import Config
from edge_gateway.config.sample import sample
from edge_gateway.config.schema import schema, text
from tests.edge_gateway import test_config, test_config_environment, test_config_globs, test_config_modbus

ROOT = Path(__file__).parents[2]
KEPT = Path(edge_gateway.__file__).parent / "config" / "gateway.schema.json"
VALIDATOR = jsonschema.Draft7Validator(schema())
TARGET = '[gateway]\nsite = "s"\nname = "g"\ndata = "d"\n[[target]]\nkind = "file"\npath = "c"\n'


def refusals(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(document)]


def test_the_shipped_file_is_what_the_sections_say() -> None:
    assert KEPT.read_text(encoding="utf-8") == text(), "run: python -m edge_gateway.config.schema"


def test_the_command_prints_it() -> None:
    found = CliRunner().invoke(app, ["schema"])
    assert (found.exit_code, found.output) == (0, text())


def test_it_is_a_schema_and_has_no_word_of_pythons() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert not re.search(r'"(title|fix|shown|discriminator|null)"', json.dumps(schema()["$defs"]))


def whole_sample() -> dict[str, Any]:
    """The sample with everything uncommented, also what excludes each other: each value by itself is right."""
    lines = [line[4:] if line.startswith("#   ") else line for line in sample().splitlines()]
    lines = [line[2:] if re.match(r"# [a-z_]+ = .", line) else line for line in lines]
    return tomllib.loads("\n".join(lines))


def documents() -> Iterator[Any]:
    yield pytest.param(tomllib.loads(sample()), id="sample")
    yield pytest.param(whole_sample(), id="all of the sample")
    line = test_config_modbus.LINE + test_config_modbus.UNIT + test_config_modbus.TWO_METERS.format(form="csv")
    for name, written in (
        ("test_config", test_config.GOOD),
        ("environment", test_config_environment.CONFIG),
        ("globs", test_config_globs.CONFIG),
        ("modbus", test_config_modbus.HEAD + line),
        ("date", TARGET + '[[maintenance]]\nassets = ["a"]\nfrom = 2026-05-01T06:00:00Z\nto = 2026-05-01T08:00:00Z\n'),
        ("table", TARGET + '[[modbus]]\nname = "m"\ntags = [{ asset = "a", tag = "t", address = { address = 1 } }]\n'),
    ):
        yield pytest.param(tomllib.loads(written), id=name)
    for name in ("pump", "press", "meters"):
        yield pytest.param(tomllib.loads(template_files(name, 48_400)["gateway.toml"]), id=f"template {name}")
    for path in sorted(ROOT.glob("*/**/README.md")):
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)):
            if block.startswith("{"):  # addresses as tables
                continue
            document = tomllib.loads(block)
            if document.keys() <= Config.model_fields.keys():  # others are maps, pins, settings of other programs
                if isinstance(document.get("opcua"), dict):  # a table that stands below a link
                    document["opcua"] = [{"name": "plc", "endpoint": "opc.tcp://h"} | document["opcua"]]
                whole = tomllib.loads(TARGET.partition("[[")[0]) | document
                yield pytest.param(whole, id=f"{path.parent.name} {number}")


@pytest.mark.parametrize("document", list(documents()))
def test_what_the_loader_takes_is_right(document: dict[str, Any]) -> None:
    plain = json.loads(json.dumps(document, default=str))  # dates are texts to a schema
    assert refusals({"target": [{"kind": "file", "path": "c"}]} | plain) == []


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key), item
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def with_value(document: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    copy: Any = deepcopy(document)
    table = copy
    for step in path[:-1]:
        table = table[step]
    table[path[-1]] = value
    return copy


def test_every_table_refuses_a_key_it_does_not_know() -> None:
    document = whole_sample()
    tables = [path for path, item in places(document) if isinstance(item, dict)]
    assert len(tables) > 20
    for path in ((), *tables):
        assert refusals(with_value(document, (*path, "speling"), 1)), path


def test_every_option_refuses_what_it_is_not() -> None:
    """The loader too: of each it names the key."""
    document = whole_sample()
    leaves = [(path, item) for path, item in places(document) if not isinstance(item, dict | list)]
    assert len(leaves) > 200
    for path, item in leaves:
        for wrong in ([1], "x" if isinstance(item, bool) else True):
            changed = with_value(document, path, wrong)
            assert refusals(changed), (path, wrong)
            with pytest.raises(ValidationError) as caught:
                Config.model_validate(changed)
            # the sections of alternatives have a step of their own in the path of pydantic
            told = [tuple(step for step in error["loc"] if step in path) for error in caught.value.errors()]
            assert path in told or path[-1] == "kind", (path, wrong, told)


@pytest.mark.parametrize(
    "wrong",
    [
        '[windows]\nlength = "10 parsecs"',
        "[windows]\nlength = 10",
        '[windows]\nkind = "sliding"',
        '[outbox]\nquota = "12"',
        "[page]\nport = 70000",
        '[page]\nport = "80"',
        '[page]\nport = "${PORT} "',
        '[page]\nenabled = "yes"',
        '[[rules]]\nassets = "a"\ntag = "t"\nkind = "stuck"',
        '[[modbus]]\nhost = "h"',
        '[[modbus]]\nname = "a b"\nhost = "h"',
        "[[modbus]]\nname = 'm'\ntags = [{ asset = 'a', tag = 't', address = { adress = 1 } }]",
        "[[model]]\nassets = []",
        '[[target]]\nkind = "ftp"',
        'opcua = "plc"',
    ],
)
def test_what_the_loader_refuses_is_wrong(wrong: str) -> None:
    document = tomllib.loads(wrong if wrong.startswith("opcua") else TARGET + wrong)
    assert refusals(document)
    with pytest.raises(ValidationError):
        Config.model_validate(document)
