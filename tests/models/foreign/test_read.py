"""What cannot be imported is told with what was found, what must hold, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import FLOAT, INT64, autoencoder, distance, save
from onnx import TensorProto, helper

from models.errors import ImportRefused
from models.foreign.read import read_foreign

Make = Callable[[Path], Path]
NODE = helper.make_node
AXES = {"axes": np.array([1], np.int64)}


def summed(path: Path, *before: onnx.NodeProto, last: str = "x", **more: object) -> Path:
    nodes = [*before, NODE("ReduceSum", [last, "axes"], ["score"], keepdims=0)]
    return save(path, nodes, AXES, **more)


def external(path: Path) -> Path:
    distance(path)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def with_loop(path: Path) -> Path:
    body = helper.make_graph(
        [NODE("Identity", ["c"], ["d"])],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
    )
    return summed(path, NODE("Loop", ["", "axes"], [], body=body), outputs=(("score", FLOAT, ("n",)),))


def in_another_domain(path: Path) -> Path:
    return summed(path, NODE("QGemm", ["x"], ["y"], domain="com.microsoft"), last="y", domain="com.microsoft")


REFUSED: dict[str, tuple[Make, str]] = {
    "other columns": (
        lambda p: distance(p, shape=("n", 8)),
        r"input shape = \[n, 8\]: must be \[n, 6\] or \[n, 2, 3\]",
    ),
    "tags and features the other way round": (lambda p: distance(p, shape=("n", 3, 2)), r"must be \[n, 6\]"),
    "a window of samples": (lambda p: distance(p, shape=("n", "time", 2)), r"input shape = \[n, time, 2\]"),
    "free columns": (lambda p: distance(p, shape=("n", "p")), r"input shape = \[n, p\]"),
    "a fixed batch": (lambda p: distance(p, shape=(32, 6)), "first axis counts rows and must be free"),
    "whole numbers in": (
        lambda p: summed(p, NODE("Cast", ["x"], ["y"], to=FLOAT), last="y", dtype=INT64),
        "dtype = int64: the input x must be float32 or float64",
    ),
    "half precision in": (
        lambda p: summed(p, NODE("Cast", ["x"], ["y"], to=FLOAT), last="y", dtype=TensorProto.FLOAT16),
        "dtype = float16",
    ),
    "two inputs": (
        lambda p: summed(p, NODE("Add", ["x", "h"], ["y"]), last="y", inputs=("x", "h")),
        "inputs = x, h: it must have one input",
    ),
    "labels only": (
        lambda p: save(
            p, [NODE("ArgMax", ["x"], ["score"], axis=1, keepdims=0)], {}, outputs=[("score", INT64, ("n",))]
        ),
        "one output of float32 or float64 must be",
    ),
    "a latent code": (
        lambda p: save(
            p,
            [NODE("MatMul", ["x", "w"], ["score"])],
            {"w": np.ones((6, 2), np.float32)},
            outputs=[("score", FLOAT, ("n", 2))],
        ),
        r"output shape = \[n, 2\]: must be \[n\] or \[n, 1\]",
    ),
    "one score for all rows": (
        lambda p: save(p, [NODE("ReduceMax", ["x"], ["score"], keepdims=0)], {}, outputs=[("score", FLOAT, ())]),
        "first axis counts rows",
    ),
    "an opset of long ago": (
        lambda p: summed(p, NODE("Upsample", ["x", "s"], ["y"]), last="y", opset=7),
        "opset|not ONNX",
    ),
    "external data": (external, "its weights lie in another file"),
    "a loop": (with_loop, "graph = subgraph: must be one plain graph"),
    "operators of one engine": (in_another_domain, r"domains = com.microsoft: its operators \['QGemm'\]"),
    "operators nobody knows": (lambda p: summed(p, NODE("Magic", ["x"], ["y"]), last="y"), "not ONNX"),
    "no model": (lambda p: (p.write_bytes(b"PK\x03\x04 not a model"), p)[1], "cannot be read as a model"),
    "an empty file": (lambda p: (p.write_bytes(b""), p)[1], "cannot be read as a model"),
    "nothing": (lambda p: p, "cannot be read"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_a_reason_and_a_way_out(what: str, tmp_path: Path) -> None:
    make, told = REFUSED[what]
    path = make(tmp_path / "m.onnx")
    with pytest.raises(ImportRefused, match=told) as refusal:
        read_foreign(path, 2, 3)
    assert refusal.value.fix


def test_functions_are_put_in_their_place(tmp_path: Path) -> None:
    path = distance(tmp_path / "m.onnx")
    model = onnx.load(path)
    function = helper.make_function(
        "local", "Twice", ["a"], ["b"], [NODE("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.graph.node[0].input[0] = "twice"
    model.graph.node.insert(0, NODE("Twice", ["x"], ["twice"], domain="local"))
    onnx.save(model, path)
    read = read_foreign(path, 2, 3)
    assert {node.domain for node in read.model.graph.node} == {""}
    assert [entry.domain for entry in read.model.opset_import] == [""]


def test_what_is_found(tmp_path: Path) -> None:
    read = read_foreign(autoencoder(tmp_path / "a.onnx", 6, 8, 2), 2, 3)
    assert (read.dtype, read.by_tag, read.one_by_one, read.reconstructs) == ("float32", False, False, True)
    read = read_foreign(distance(tmp_path / "d.onnx", shape=(1, 2, 3), keep=False), 2, 3)
    assert (read.by_tag, read.one_by_one, read.reconstructs) == (True, True, False)


def test_the_only_column_could_be_both(tmp_path: Path) -> None:
    outputs = [("score", FLOAT, ("n", 1))]
    path = save(tmp_path / "m.onnx", [NODE("Abs", ["x"], ["score"])], {}, shape=("n", 1), outputs=outputs)
    with pytest.raises(ImportRefused, match="could be a score or the only column"):
        read_foreign(path, 1, 1)
    nodes = [NODE("ReduceSum", ["x", "axes"], ["score"], keepdims=0)]
    path = save(tmp_path / "m.onnx", nodes, AXES, shape=("n", 1))
    assert not read_foreign(path, 1, 1).reconstructs


def test_a_shape_that_follows_from_the_rest_may_be_left_out(tmp_path: Path) -> None:
    path = distance(tmp_path / "m.onnx", keep=True, outputs=(("score", FLOAT, None),))  # as skl2onnx does
    assert not read_foreign(path, 2, 3).reconstructs
