from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.opcua.address import NodeAddress, node_text
from connectors.opcua.nodes import Reading
from connectors.opcua.tree import Node, Tree
from edge_gateway.commands.tag_blocks import tag_blocks
from edge_gateway.config.load import load
from edge_gateway.config.names import config_name
from edge_gateway.config.toml_text import toml_text

CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[target]]
kind = "file"
path = "cloud"
[[opcua]]
name = "m"
endpoint = "opc.tcp://h:4840"
policy = "None"
mode = "None"
"""


class Plant:
    def __init__(self) -> None:
        self.tree = Tree([Node(NodeAddress("urn:x", "i", 85), "Objects", (), -1, False)])

    def add(self, name: str, parent: int = 0, data_type: str = "", **facts: object) -> int:
        number = len(self.tree.nodes)
        path = (*self.tree.nodes[parent].path, name)
        node = Node(NodeAddress("urn:x", "s", f"{number}/" + "/".join(path)), name, path, parent, bool(data_type))
        if data_type:
            node.data_type, node.access, node.reading = data_type, ("read",), Reading(1.0, data_type, 0)
        for key, value in facts.items():
            setattr(node, key, value)
        self.tree.nodes.append(node)
        return number

    def blocks(self) -> tuple[str, int, dict[str, int]]:
        text, count, left_out = tag_blocks(self.tree, range(len(self.tree.nodes)), "opc.tcp://h:4840")
        return text, count, dict(left_out)


def names(text: str) -> list[str]:
    return [f"{tag['asset']}/{tag['tag']}" for tag in tomllib.loads(text)["opcua"]["tags"]]


def tags_of(text: str) -> list[str]:
    return names("[opcua]\n" + text)


def test_names_come_from_the_object_and_what_is_below_it() -> None:
    plant = Plant()
    pump = plant.add("Pump 1")
    flow = plant.add("Durchfluß", pump, "Double", unit="m3/h", eu_range=(0.0, 100.0))
    plant.add("raw", flow, "Int16")
    text, count, _ = plant.blocks()
    assert count == 2
    assert tags_of(text) == ["Pump-1/Durchflu", "Pump-1/Durchflu.raw"]
    assert "# Double, EURange 0 .. 100" in text
    assert 'unit = "m3/h"' in text


def test_equal_names_are_told_apart() -> None:
    plant = Plant()
    for line in ("line1", "line2"):
        pump = plant.add("pump", plant.add(line))
        plant.add("a b", pump, "Double")
        plant.add("a-b", pump, "Double")
    text, _, _ = plant.blocks()
    assert tags_of(text) == ["pump/a-b", "pump/a-b-2", "line2.pump/a-b", "line2.pump/a-b-2"]


def test_what_the_gateway_cannot_read_is_left_out_and_told() -> None:
    plant = Plant()
    plant.add("text", 0, "String")
    plant.add("secret", 0, "Double", access=("write",))
    plant.add("table", 0, "Double", rank=2)
    plant.add("flow", 0, "Double")
    text, count, left_out = plant.blocks()
    assert count == 1
    assert tags_of(text) == ["Objects/flow"]
    assert left_out == {"type String": 1, "not readable": 1, "matrix": 1}


def test_an_array_waits_for_its_rate() -> None:
    plant = Plant()
    plant.add("wave", 0, "Float", rank=1)
    text, count, _ = plant.blocks()
    assert count == 1
    assert "give its sampling rate" in text
    assert "# waveform_rate" in text
    assert tomllib.loads(text) == {}


NAMES = st.text(max_size=70)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, st.integers(0, 10_000), st.booleans()), min_size=1, max_size=12), NAMES)
def test_whatever_a_server_calls_things_the_configuration_loads(
    tmp_path_factory: object, rows: list[tuple[str, int, bool]], unit: str
) -> None:
    plant = Plant()
    for name, parent, is_variable in rows:
        plant.add(name, parent % len(plant.tree.nodes), "Double" if is_variable else "", unit=unit)
    plant.add("last", 0, "Double")
    text, count, _ = plant.blocks()
    path = Path(tmp_path_factory.getbasetemp()) / "gateway.toml"  # type: ignore[attr-defined]
    path.write_text(CONFIG + text, encoding="utf-8")
    tags = load(path).opcua[0].tags
    assert len(tags) == count
    assert [tag.node for tag in tags] == [node_text(node.address) for node in plant.tree.variables()]


@given(st.text())
def test_any_text_is_toml(text: str) -> None:
    assert tomllib.loads(f"x = {toml_text(text)}")["x"] == text


def test_a_node_id_with_quotes_stays_readable() -> None:
    assert toml_text('nsu=urn:x;s="DB1"."Flow"') == """'nsu=urn:x;s="DB1"."Flow"'"""


def test_names_that_a_configuration_takes() -> None:
    assert [config_name(name) for name in ("a b", "_x", "水", "é", "x" * 99)] == ["a-b", "x", "node", "e", "x" * 63]
