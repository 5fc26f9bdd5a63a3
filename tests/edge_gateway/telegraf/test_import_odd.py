"""Whatever stands in a telegraf.conf, the import ends with a configuration that the gateway takes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.config.toml_spots import spots
from edge_gateway.telegraf.convert import convert

CASES = sorted((Path(__file__).parent / "cases").glob("*/telegraf.conf"))
TEXTS = {path.parent.name: path.read_text(encoding="utf-8") for path in CASES}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


ALL = [(case, path) for case, text in TEXTS.items() for path in places(tomllib.loads(text))]
ODD = st.one_of(
    st.none(),  # left out
    st.integers(-2, 70_000),
    st.floats(),
    st.booleans(),
    st.sampled_from(
        ["", "0", "x", "-1s", "1s", "9999h", "${X}", "a b", "\u00e9\n", "None", "auto", "tcp://", "ns=1;s=", "i=1"]
    ),
    st.text(max_size=5),
    st.sampled_from([[], {}, [[]], [{}], [1], {"a": 1}, ["x"]]),
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ALL), ODD, st.sampled_from(ALL), ODD)
def test_one_odd_value_or_two(
    tmp_path_factory: pytest.TempPathFactory, first: Any, odd: Any, second: Any, odder: Any
) -> None:
    case = first[0]
    data = deepcopy(tomllib.loads(TEXTS[case]))
    for (_, path), value in ((first, odd), (second, odder)):
        table: Any = data
        try:
            for step in path[:-1]:
                table = table[step]
            if value is None:
                del table[path[-1]]
            else:
                table[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # the first change took the place of the second one away, or it is of another case
    one = convert(data, spots(TEXTS[case]), "riverside", "gw-1", "telegraf.conf")
    if not one.tags:
        return
    path = tmp_path_factory.getbasetemp() / "odd.toml"
    path.write_text(one.text, encoding="utf-8")
    assert refused(path) == []


def refused(path: Path) -> list[str]:
    """What the loader says, but for what only the server can tell."""
    try:
        load(path, environ={"METERS": "192.0.2.12", "X": "x"})
    except ConfigRejected as rejected:
        return [str(problem) for problem in rejected.problems if "is not resolved yet" not in problem.rule]
    return []
