from __future__ import annotations

import contextlib
import struct

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from models import onnx_wire
from models.onnx_wire import inspect


def model(*nodes, initializers=(), domains=("",), **more):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n"])],
        list(initializers),
    )
    opsets = [helper.make_opsetid(domain, 17) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, **more)


IDENTITY = helper.make_node("Identity", ["x"], ["y"])


def test_a_plain_model():
    found = inspect(
        model(
            helper.make_node("Add", ["x", "c"], ["z"]),
            helper.make_node("Identity", ["z"], ["y"]),
            initializers=[numpy_helper.from_array(np.ones(1000), "c")],
        ).SerializeToString()
    )
    assert found.nodes == 2
    assert found.operators == {("", "Add"), ("", "Identity")}
    assert found.domains == {""}
    assert found.oddities == set()


def external(name: str) -> TensorProto:
    tensor = numpy_helper.from_array(np.ones(2000), name)
    onnx.external_data_helper.set_external_data(tensor, "../../../etc/passwd")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    return tensor


def test_a_default_location_that_is_written_down_is_no_other_place():
    tensor = numpy_helper.from_array(np.ones(3), "c")
    tensor.data_location = TensorProto.DEFAULT  # as quantisers do
    assert inspect(model(IDENTITY, initializers=[tensor]).SerializeToString()).oddities == set()


def test_a_location_without_a_place_is_still_another():
    tensor = numpy_helper.from_array(np.ones(3), "c")
    tensor.data_location = TensorProto.EXTERNAL
    assert inspect(model(IDENTITY, initializers=[tensor]).SerializeToString()).oddities == {"external data"}


BRANCH = helper.make_graph([], "inner", [], [])


@pytest.mark.parametrize(
    ("odd", "oddity"),
    [
        (model(IDENTITY, initializers=[external("c")]), "external data"),
        (model(helper.make_node("Constant", [], ["y"], value=external("c"))), "external data"),
        (model(helper.make_node("If", ["x"], ["y"], then_branch=BRANCH, else_branch=BRANCH)), "subgraph"),
        (
            model(
                IDENTITY,
                functions=[helper.make_function("f", "F", ["a"], ["b"], [], [helper.make_opsetid("", 17)])],
            ),
            "functions",
        ),
    ],
    ids=["external initializer", "external constant", "subgraph", "function"],
)
def test_what_no_model_here_needs_is_found(odd, oddity):
    assert inspect(odd.SerializeToString()).oddities == {oddity}


def test_foreign_operators_are_found():
    found = inspect(
        model(helper.make_node("Evil", ["x"], ["y"], domain="com.evil"), domains=("", "com.evil")).SerializeToString()
    )
    assert ("com.evil", "Evil") in found.operators
    assert found.domains == {"", "com.evil"}


@pytest.mark.parametrize("junk", [b"", b"\x80\x04\x95pickle", b"\xff" * 40, b"\x3a\x7f\x00"])
def test_junk_is_refused(junk):
    with pytest.raises(ValueError, match=r"."):
        inspect(junk)


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(junk):
    with contextlib.suppress(ValueError):
        inspect(junk)


@given(st.data())
def test_no_damage_to_a_real_model_crashes_it(data):
    whole = bytearray(model(IDENTITY).SerializeToString())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        inspect(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


RUN = st.lists(
    st.one_of(
        st.floats(width=32).map(lambda value: b"\x3d" + struct.pack("<f", value)),
        st.integers(0, 2**63).map(lambda value: b"\x40" + _varint(value)),
        st.binary(max_size=18).map(lambda value: b"\x4a" + _varint(len(value)) + value),
        st.binary(max_size=6),
    ),
    max_size=12,
).map(b"".join)


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _told(data):
    """What is read of it, without those numbers nobody asks for."""
    try:
        return [
            (number, bytes(body)) for number, body in onnx_wire._fields(memoryview(data)) if number not in (7, 8, 9)
        ]
    except ValueError:
        return "damaged"


@given(RUN)
def test_runs_that_are_passed_over_change_nothing_that_is_read(data):
    fast = _told(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_wire, "_RUNS", {})
        assert fast == _told(data)


def test_weights_behind_a_run_are_found():
    node = helper.make_node("Constant", [], ["y"], value_floats=[1.0] * 50)
    node.attribute[0].ints.extend(range(1000))
    node.attribute[0].strings.extend([b"LEAF"] * 50)
    node.attribute[0].t.CopyFrom(external("c"))
    assert inspect(model(node).SerializeToString()).oddities == {"external data"}
