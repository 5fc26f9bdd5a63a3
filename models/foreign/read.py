"""An ONNX file from elsewhere: what it wants, what it gives, and whether a gateway may run it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, compose, inliner, shape_inference, version_converter

from models.bundle import MAX_BYTES, MODEL
from models.errors import ImportRefused
from models.onnx_rules import DOMAINS, MAX_NODES
from models.onnx_wire import OnnxContents, inspect

LOWEST_OPSET = 13  # from there on the operators that are put around it take their axes alike
_CONVERTED_OPSET = 17
_LOWEST_IR = 8
_FLOATS = {TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64"}
_PREFIX = "model/"
_EXPORT = "export it again so (PyTorch: torch.onnx.export)"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A model that can be wrapped.

    Attributes:
        model: The onnx ModelProto; its names begin with "model/", and what it said of its maker's files is gone.
        input: Name of what it takes.
        dtype: "float32" or "float64", of the input.
        by_tag: It takes [n, tags, features] rather than [n, tags * features].
        one_by_one: It takes a single row at a time.
        output: Name of what it gives and is used.
        reconstructs: The output is the input as it should be, rather than a score.
    """

    model: Any
    input: str
    dtype: str
    by_tag: bool
    one_by_one: bool
    output: str
    reconstructs: bool


def read_foreign(path: Path, tags: int, features: int, output: str | None = None) -> Foreign:
    """Read a model and judge whether it fits rows of so many tags and features.

    Args:
        path: Of the .onnx file.
        tags: How many.
        features: Of each.
        output: Which of its outputs to use; None = the only one of floats.

    Raises:
        ImportRefused: Names what does not fit, what must hold, and what to do.
    """
    data = _bytes(path)
    model = _plain(data)
    graph = model.graph
    name, dtype, shape = _the_input(graph)
    columns = tags * features
    by_tag = shape[1:] == [tags, features]
    if not by_tag and shape[1:] != [columns]:
        rule = (
            f"must be [n, {columns}] or [n, {tags}, {features}]: {tags} tags with {features} features each, tag by tag"
        )
        raise ImportRefused("input shape", _told(shape), rule, "name other tags or features, or " + _EXPORT)
    _check_batch("input shape", shape)
    chosen = _the_output(graph, output)
    return Foreign(
        model=compose.add_prefix(model, _PREFIX),
        input=_PREFIX + name,
        dtype=dtype,
        by_tag=by_tag,
        one_by_one=shape[0] == 1,
        output=_PREFIX + chosen.name,
        reconstructs=_reconstructs(chosen, shape),
    )


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES[MODEL] + 1)
    except OSError as error:
        raise ImportRefused("file", path, f"cannot be read ({error.strerror})", "check path and permissions") from error
    if len(data) > MAX_BYTES[MODEL]:
        raise ImportRefused("file", path, f"is larger than {MAX_BYTES[MODEL]} bytes", "make the model smaller")
    return data


def _plain(data: bytes) -> Any:
    """The model as one graph of standard operators, of an opset that can be wrapped, without its maker's traces.

    Judged on the bytes first: `onnx` itself does not refuse tensors that lie in other files.
    """
    try:
        found = inspect(data)
        if "external data" in found.oddities:
            rule = "its weights lie in another file, which a bundle cannot hold"
            fix = "save it as one file (torch.onnx.export(..., external_data=False), or onnx.save of the loaded model)"
            raise ImportRefused("external data", "used", rule, fix)
        model = onnx.load_model_from_string(data)
        if model.functions:
            model = inliner.inline_local_functions(model)
            found = inspect(model.SerializeToString())
        _judge(found)
        model = shape_inference.infer_shapes(model)  # exporters leave out what follows from the rest
        onnx.checker.check_model(model)
    except (ValueError, DecodeError, onnx.checker.ValidationError) as error:
        raise ImportRefused("file", "not ONNX", f"it cannot be read as a model ({_first(error)})", _EXPORT) from error
    return _without_traces(_modern(model))


def _judge(found: OnnxContents) -> None:
    oddities = sorted(found.oddities)
    if oddities:
        fix = "export it without loops and branches: in PyTorch, branch on shapes only, and leave training mode"
        raise ImportRefused("graph", ", ".join(oddities), "must be one plain graph", fix)
    foreign = sorted({domain for domain, _ in found.operators} - DOMAINS)
    if foreign:
        used = sorted(operator for domain, operator in found.operators if domain in foreign)
        fix = "export it with standard operators; quantise with QuantFormat.QDQ, and optimise no graph before"
        raise ImportRefused("domains", ", ".join(foreign), f"its operators {used} are no standard ones", fix)
    if found.nodes > MAX_NODES:
        raise ImportRefused("nodes", found.nodes, f"at most {MAX_NODES} may be", "make the model smaller")


def _modern(model: Any) -> Any:
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    version = opsets.get("", opsets.get("ai.onnx", 0))
    if version >= LOWEST_OPSET or not any(node.domain == "" for node in model.graph.node):
        return model
    try:
        return version_converter.convert_version(model, _CONVERTED_OPSET)
    except (RuntimeError, ValueError) as error:
        rule = f"must be {LOWEST_OPSET} or later, and it cannot be converted ({_first(error)})"
        raise ImportRefused("opset", version, rule, f"export it with opset {_CONVERTED_OPSET}") from error


def _without_traces(model: Any) -> Any:
    """PyTorch writes stack traces, with the folders of its machine, at every node: they stay where they came from."""
    used = {node.domain for node in model.graph.node} | {""}
    imports = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(imports or [onnx.helper.make_opsetid("", _CONVERTED_OPSET)])
    model.ir_version = max(model.ir_version, _LOWEST_IR)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        if "metadata_props" in part.DESCRIPTOR.fields_by_name:
            part.ClearField("metadata_props")
    graph.ClearField("value_info")
    return model


def _the_input(graph: Any) -> tuple[str, str, list[int | str]]:
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        rule = "it must have one input, the rows; a state from row to row cannot be brought along"
        raise ImportRefused("inputs", names, rule, _EXPORT)
    value = inputs[0]
    kind = value.type.tensor_type.elem_type
    if kind not in _FLOATS:
        rule = f"the input {value.name} must be float32 or float64"
        fix = "leave quantisation of the input to the graph (QuantizeLinear as its first node), or " + _EXPORT
        raise ImportRefused("dtype", TensorProto.DataType.Name(kind).lower(), rule, fix)
    return value.name, _FLOATS[kind], _shape(value)


def _the_output(graph: Any, wanted: str | None) -> Any:
    floats = [value for value in graph.output if value.type.tensor_type.elem_type in _FLOATS]
    names = ", ".join(value.name for value in graph.output)
    if wanted is not None:
        floats = [value for value in floats if value.name == wanted]
        if not floats:
            rule = "is no output of float32 or float64"
            raise ImportRefused("output", wanted, rule, f"the model's outputs are {names}")
    if len(floats) != 1:
        rule = "one output of float32 or float64 must be the score or the reconstruction"
        raise ImportRefused("outputs", names, rule, "name it with --output" if floats else _EXPORT)
    return floats[0]


def _reconstructs(output: Any, rows: list[int | str]) -> bool:
    shape = _shape(output)
    if not shape or str(shape[0]) != str(rows[0]):
        # An exporter that could not follow the batch gives it another name; what counts is that it is not fixed.
        _check_batch("output shape", shape)
    if shape[1:] == [1] == rows[1:]:
        rule = "could be a score or the only column as it should be"
        raise ImportRefused(
            "output shape", _told(shape), rule, "export a score as [n]; a column alone is a rule's work"
        )
    if shape[1:] in ([], [1]):
        return False
    if shape[1:] == rows[1:]:
        return True
    rule = f"must be [n] or [n, 1], a score of each row, or {_told(rows)}, the rows as they should be"
    raise ImportRefused("output shape", _told(shape), rule, "choose another with --output, or " + _EXPORT)


def _check_batch(key: str, shape: list[int | str]) -> None:
    if not shape or (isinstance(shape[0], int) and shape[0] != 1):
        rule = "the first axis counts rows and must be free (or 1: one row at a time, slower)"
        fix = "export it with a dynamic batch: dynamic_shapes=({0: torch.export.Dim('n')},)"
        raise ImportRefused(key, _told(shape), rule, fix)


def _shape(value: Any) -> list[int | str]:
    """Whole numbers where an axis is fixed, names (or "?") where it is free."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in dims]


def _told(shape: list[int | str]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
