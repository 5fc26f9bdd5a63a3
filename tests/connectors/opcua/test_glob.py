from __future__ import annotations

import pytest

from connectors.opcua.glob import levels, matcher


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("flow", "pump/flow", True),
        ("flow*", "a/b/flow_2", True),
        ("Flow", "pump/flow", False),
        ("pump", "pump/flow", False),
        ("pump/*", "pump/flow", True),
        ("/pump/*", "pump/flow", True),
        ("pump/*", "pump/a/flow", False),
        ("*/flow", "a/pump/flow", False),
        ("**/flow", "a/pump/flow", True),
        ("**/flow", "flow", True),
        ("line/**/flow", "line/flow", True),
        ("line/**/flow", "line/a/b/flow", True),
        ("line/**", "line/a/b/flow", True),
        ("line/**", "other/a", False),
        ("pump-[12]/flo?", "pump-2/flow", True),
        ("pump.1/flow", "pump-1/flow", False),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert matcher(pattern)(path.split("/")) is fits


@pytest.mark.parametrize(
    ("pattern", "depth"),
    [("flow", None), ("pump/flow", 2), ("/pump/*/flow/", 3), ("line/**/flow", None), ("pump/**", None)],
)
def test_how_deep_a_pattern_goes(pattern: str, depth: int | None) -> None:
    assert levels(pattern) == depth
