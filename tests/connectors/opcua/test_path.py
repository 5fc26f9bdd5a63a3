"""Browse paths: namespaces by URI, names with any character, and what the server's answer to them means."""

from __future__ import annotations

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua import codes
from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress
from connectors.opcua.path import BrowsePath, parse_address, parse_path
from connectors.opcua.seam import lookup

PLANT = "http://plant/UA/"
NAMESPACES = (STANDARD_NAMESPACE, "urn:server", PLANT)


def test_a_step_has_the_namespace_of_the_step_before() -> None:
    assert parse_address(f"path=/0:Objects/nsu={PLANT};Pump 1/Flow/0:EURange") == BrowsePath(
        ((STANDARD_NAMESPACE, "Objects"), (PLANT, "Pump 1"), (PLANT, "Flow"), (STANDARD_NAMESPACE, "EURange"))
    )
    assert parse_address("i=2258") == NodeAddress(STANDARD_NAMESPACE, "i", 2258)


names = st.text(min_size=1, max_size=8).filter(lambda name: not name[0].isdigit() and not name.startswith("nsu="))


@given(st.lists(st.tuples(st.sampled_from([PLANT, "urn:a:b", STANDARD_NAMESPACE]), names), min_size=1, max_size=5))
def test_any_name_can_be_written(steps: list[tuple[str, str]]) -> None:
    text = "path=" + "".join(f"/nsu={uri};{name.replace('&', '&&').replace('/', '&/')}" for uri, name in steps)
    assert parse_path(text) == BrowsePath(tuple(steps))


@pytest.mark.parametrize("text", ["path=", "path=Objects", "path=/", "path=/0:Objects//x", "path=/a&"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write path=/0:Objects/"):
        parse_path(text)


def test_a_namespace_index_is_refused() -> None:
    with pytest.raises(ValueError, match="may change; write nsu=<uri>;"):
        parse_path("path=/0:Objects/2:Pump")


def test_a_path_goes_by_the_indices_of_the_session() -> None:
    (sent,) = lookup.translate([parse_path(f"path=/0:Objects/nsu={PLANT};Pump")], NAMESPACES).Parameters.BrowsePaths
    assert sent.StartingNode == ua.NodeId(ua.ObjectIds.RootFolder)
    steps = [(step.TargetName.NamespaceIndex, step.TargetName.Name) for step in sent.RelativePath.Elements]
    assert steps == [(0, "Objects"), (2, "Pump")]
    assert all(step.IncludeSubtypes and not step.IsInverse for step in sent.RelativePath.Elements)


def _result(*targets: tuple[str, int], code: int = 0) -> ua.BrowsePathResult:
    found = [ua.BrowsePathTarget(ua.ExpandedNodeId(name, 2), remaining) for name, remaining in targets]
    return ua.BrowsePathResult(ua.StatusCode(code), found)


def test_only_one_whole_target_counts() -> None:
    whole = 0xFFFFFFFF
    code, target = lookup.only_target(_result(("flow", whole), ("on another server", 1)))
    assert code == 0
    assert lookup.address_of(target, NAMESPACES) == NodeAddress(PLANT, "s", "flow")
    assert lookup.address_of(target, NAMESPACES[:2]) is None
    assert lookup.only_target(_result(("a", whole), ("b", whole))) == (codes.BAD_TOO_MANY_MATCHES, None)
    assert lookup.only_target(_result()) == (codes.BAD_NO_MATCH, None)
    assert lookup.only_target(_result(code=0x80340000)) == (0x80340000, None)


def test_width_of_a_range() -> None:
    def span(low: float, high: float) -> float | None:
        return lookup.span_of(ua.DataValue(ua.Variant(ua.Range(low, high))))

    assert span(-50.0, 50.0) == 100.0
    assert span(0.0, 0.0) is None
    assert span(0.0, float("inf")) is None
    assert lookup.span_of(ua.DataValue(ua.Variant(7.0))) is None
    assert lookup.span_of(ua.DataValue()) is None
