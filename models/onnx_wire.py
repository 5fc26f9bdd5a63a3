"""What an ONNX file contains, read from its bytes without executing or even loading it.

The gateway carries no `onnx` package; this walks the protobuf wire format (protobuf.dev/programming-guides/encoding)
by the field numbers of onnx.proto (onnx/onnx, IR version 3 and later), and skips everything it need not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Field numbers of onnx.proto: message -> meaning.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 8, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS = 5, 10
_ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (6, 11), (22, 23)
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_OPSET_DOMAIN = 1
_HERE = b"\0"  # TensorProto.DataLocation.DEFAULT

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

# A tree ensemble has a million numbers and short names in its attributes, each with a key of its own: a second in a
# loop of Python, and nobody reads them. A run of at least two under one key is passed over at once. Another kind of
# message may hold the same bytes; its fields of these numbers and kinds are not read either.
_FLOATS, _INTS, _STRINGS = 0x3D, 0x40, 0x4A  # keys of fields 7 (fixed32), 8 (varint), 9 (bytes) of AttributeProto
_SHORT = b"|".join(re.escape(bytes([size])) + rb"[\s\S]{%d}" % size for size in range(17))
_RUNS = {
    _FLOATS: re.compile(rb"(?:\x3d[\s\S]{4}){2,}+"),
    _INTS: re.compile(rb"(?:\x40[\x80-\xff]{0,9}+[\x00-\x7f]){2,}+"),
    _STRINGS: re.compile(rb"(?:\x4a(?:" + _SHORT + rb")){2,}+"),
}


@dataclass(slots=True)
class OnnxContents:
    """What matters for the decision to load a model.

    Attributes:
        nodes: Number of nodes.
        operators: (domain, operator) of every node; domain "" is the standard one.
        domains: Operator sets the model imports.
        oddities: What no model here needs: "external data", "subgraph", "functions", "sparse tensor",
            "training graph".
    """

    nodes: int = 0
    operators: set[tuple[str, str]] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    oddities: set[str] = field(default_factory=set)


def inspect(model: bytes) -> OnnxContents:
    """Walk a serialised ModelProto.

    Raises:
        ValueError: The bytes are not well-formed protobuf, or hold no graph.
    """
    found = OnnxContents()
    graphs = 0
    for number, body in _fields(memoryview(model)):
        if number == _MODEL_GRAPH:
            graphs += 1
            _graph(body, found)
        elif number == _MODEL_OPSET:
            found.domains.add(_text(body, _OPSET_DOMAIN))
        elif number == _MODEL_FUNCTIONS:
            found.oddities.add("functions")
        elif number == _MODEL_TRAINING:
            found.oddities.add("training graph")
    if not graphs:
        msg = "no graph in it"
        raise ValueError(msg)
    return found


def _graph(graph: memoryview, found: OnnxContents) -> None:
    for number, body in _fields(graph):
        if number == _GRAPH_NODE:
            found.nodes += 1
            found.operators.add((_text(body, _NODE_DOMAIN), _text(body, _NODE_OP_TYPE)))
            for inner, attribute in _fields(body):
                if inner == _NODE_ATTRIBUTE:
                    _attribute(attribute, found)
        elif number == _GRAPH_INITIALIZER:
            _tensor(body, found)
        elif number == _GRAPH_SPARSE:
            found.oddities.add("sparse tensor")


def _attribute(attribute: memoryview, found: OnnxContents) -> None:
    for number, body in _fields(attribute):
        if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            _tensor(body, found)
        elif number in _ATTRIBUTE_GRAPHS:
            found.oddities.add("subgraph")
        elif number in _ATTRIBUTE_SPARSE:
            found.oddities.add("sparse tensor")


def _tensor(tensor: memoryview, found: OnnxContents) -> None:
    for number, body in _fields(tensor):
        # Quantisers write the default location (0) down; whatever else stands there is another place than this file.
        if number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and bytes(body) != _HERE):
            found.oddities.add("external data")


def _text(message: memoryview, wanted: int) -> str:
    """Last value of a string field, "" where it is not set (protobuf: the last one wins)."""
    values = [body for number, body in _fields(message) if number == wanted]
    return bytes(values[-1]).decode() if values else ""


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(field number, bytes of the value) of one message; a number as its bytes on the wire."""
    at = 0
    while at < len(message):
        first = message[at]
        if first in _RUNS and (run := _RUNS[first].match(message, at)) is not None:
            at = run.end()
            yield first >> 3, message[at:at]
            continue
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        size = 0
        if kind == _VARINT:
            size = _varint(message, at)[1] - at
        elif kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            msg = f"field {number} has wire type {kind}"
            raise ValueError(msg)
        if at + size > len(message):
            msg = f"field {number} ends after its message"
            raise ValueError(msg)
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at
    msg = "a number is cut short or too long"
    raise ValueError(msg)
