"""A user's own dataflow file may hold anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.flow_file import FlowRejected, build_flow, load_build


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = y\n", "NameError: name 'y' is not defined"),
        ("def build(:\n", "SyntaxError"),
        ("import not_there_at_all\n", "No module named 'not_there_at_all'"),
        ("raise RuntimeError('two\\nlines')\n", "RuntimeError: two; lines"),
        ("build = 3\n", "has no function build(gateway)"),
    ],
)
def test_whatever_is_wrong_with_it_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FlowRejected) as caught:
        load_build(write(tmp_path, text))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["/nowhere/mine.py", "no.such.module", ".relative", "."])
def test_what_is_not_there_is_told(name: str) -> None:
    with pytest.raises(FlowRejected, match="cannot be imported"):
        load_build(name)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def build(gateway):\n    return gateway.nothing\n", "mine.py, line 2"),
        ("def build(gateway):\n    pass\n", "gives a NoneType"),
        ("def build():\n    pass\n", "takes 0 positional arguments"),
    ],
)
def test_a_build_that_does_not_build_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    gateway: Any = object()
    with pytest.raises(FlowRejected) as caught:
        build_flow(write(tmp_path, text), gateway)
    assert told in str(caught.value)


def test_a_file_with_the_name_of_a_room_does_not_take_its_place(tmp_path: Path) -> None:
    import models

    load_build(write(tmp_path, "def build(gateway): ...\n", "models.py"))
    assert sys.modules["models"] is models
