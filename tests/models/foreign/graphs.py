"""Models as others make them, in a few nodes each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EXPORTS = Path(__file__).parent / "exports"
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
Shape = Sequence[int | str | None]
CENTRE, SPREAD = 50.0, 3.2


def save(
    path: Path,
    nodes: Sequence[Any],
    weights: dict[str, np.ndarray],
    *,
    shape: Shape = ("n", 6),
    dtype: int = FLOAT,
    outputs: Sequence[tuple[str, int, Shape]] = (("score", FLOAT, ("n",)),),
    opset: int = 17,
    inputs: Sequence[str] = ("x",),
    domain: str = "",
    **more: Any,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, dtype, shape) for name in inputs],
        [helper.make_tensor_value_info(*output) for output in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="someone", **more)
    onnx.save(model, path)
    return path


def distance(path: Path, *, keep: bool = False, sign: float = 1.0, centre: float = CENTRE, **more: Any) -> Path:
    """Score = squared distance from the centre, in spreads: [n], or [n, 1] with `keep`."""
    kind = np.float64 if more.get("dtype") == DOUBLE else np.float32
    node = helper.make_node
    by_tag = len(more.get("shape", (0, 0))) == 3
    axes = [1, 2] if by_tag else [1]
    nodes = [
        node("Sub", ["x", "centre"], ["away"]),
        node("Div", ["away", "spread"], ["z"]),
        node("Mul", ["z", "z"], ["square"]),
        node("ReduceSum", ["square", "axes"], ["sum"], keepdims=int(keep)),
        node("Mul", ["sum", "sign"], ["score"]),
    ]
    weights = {
        "centre": np.full(1, centre, kind),
        "spread": np.full(1, SPREAD, kind),
        "axes": np.array(axes, np.int64),
        "sign": np.full(1, sign, kind),
    }
    batch = more.get("shape", ("n",))[0]
    shape = (batch, 1) if keep else (batch,)
    more.setdefault("outputs", (("score", more.get("dtype", FLOAT), shape),))
    return save(path, nodes, weights, **more)


def autoencoder(path: Path, columns: int, hidden: int, bottleneck: int, seed: int = 0, **more: Any) -> Path:
    """In the shape in which PyTorch exports a Sequential of Linear and ReLU: Gemm with transB, names with slashes.

    Its weights are those of a projection on the first directions, so that it does reconstruct rows with one load.
    """
    rng = np.random.default_rng(seed)
    load = rng.normal(size=(500, 1)) + 0.3 * rng.normal(size=(500, columns))
    basis = np.linalg.svd(load - load.mean(0), full_matrices=False)[2][:bottleneck]
    widen = np.concatenate([np.eye(bottleneck), -np.eye(bottleneck)])
    pad = np.zeros((hidden - 2 * bottleneck, bottleneck))
    narrow = np.concatenate([widen, pad]).T * np.concatenate([np.ones(2 * bottleneck), pad[:, 0]])
    layers = {
        "/encoder/0": np.concatenate([widen, pad]) @ basis,
        "/encoder/2": narrow,
        "/decoder/0": np.concatenate([widen, pad]),
        "/decoder/2": basis.T @ narrow,
    }
    nodes = [
        helper.make_node("Sub", ["input", "centre"], ["/Sub_output_0"], "/Sub"),
        helper.make_node("Div", ["/Sub_output_0", "spread"], ["/Div_output_0"], "/Div"),
    ]
    weights = {"centre": np.full(columns, CENTRE, np.float32), "spread": np.full(columns, SPREAD, np.float32)}
    flowing = "/Div_output_0"
    for name, matrix in layers.items():
        weights |= {f"{name}.weight": matrix.astype(np.float32), f"{name}.bias": np.zeros(len(matrix), np.float32)}
        made = f"{name}/Gemm_output_0"
        gemm = [flowing, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Gemm", gemm, [made], f"{name}/Gemm", transB=1))
        flowing = made
        if name.endswith("/0"):
            flowing = name.replace("/0", "/1") + "/Relu_output_0"
            nodes.append(helper.make_node("Relu", [made], [flowing], name.replace("/0", "/1") + "/Relu"))
    nodes += [
        helper.make_node("Mul", [flowing, "spread"], ["/Mul_output_0"], "/Mul"),
        helper.make_node("Add", ["/Mul_output_0", "centre"], ["output"], "/Add"),
    ]
    more.setdefault("outputs", (("output", FLOAT, ("n", columns)),))
    return save(path, nodes, weights, inputs=("input",), shape=more.pop("shape", ("n", columns)), **more)
