from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from connectors.opcua.address import parse_node
from connectors.opcua.nodes import Reading
from edge_gateway.commands.show import printable, reading_json, status_text, value_json, value_text

TIME = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (12, "12"),
        (0.1 + 0.2, "0.3"),
        (float("nan"), "nan"),
        ("on", '"on"'),
        (b"\x01\xff", "0x01ff"),
        (TIME, "2026-01-02T03:04:05.678901Z"),
        ([1.0, 2.0], "[1, 2]"),
        ([1, 2, 3, 4, 5], "[1, 2, 3, 4, ...] (5)"),
        (parse_node("i=85"), "i=85"),
        ("x" * 100, '"' + "x" * 56 + "..."),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_a_device_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[2Jb\nc\u202e") == "a\\x1b[2Jb\\nc\\u202e"
    assert value_text("\x1b[31m").isprintable()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "Good"),
        (0x480, "Good, queue overflowed"),
        (0x80340000, "BadNodeIdUnknown"),
        (0x80340480, "BadNodeIdUnknown, queue overflowed"),
        (0x408F0000, "UncertainNoCommunicationLastUsableValue"),
    ],
)
def test_statuses(code: int, text: str) -> None:
    assert status_text(code) == text


def test_json_is_json() -> None:
    values = [float("nan"), float("inf"), -float("inf"), b"\x00", TIME, 1, None, [1.5]]
    text = json.dumps(value_json(values), allow_nan=False)
    assert json.loads(text) == ["NaN", "Infinity", "-Infinity", "00", "2026-01-02T03:04:05.678901Z", 1, None, [1.5]]
    assert reading_json(Reading(1, "Int32", 0))["source_time"] is None
