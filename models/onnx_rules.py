"""Which ONNX models a gateway opens at all."""

from __future__ import annotations

from pathlib import Path

from models.errors import BundleRejected
from models.onnx_wire import inspect
from models.safe_files import FETCH

MAX_NODES = 10_000
DOMAINS = frozenset({"", "ai.onnx.ml"})  # the operators every ONNX Runtime carries; no custom code


def check_operators(path: Path, model: bytes) -> None:
    """Judge the bytes of a model without opening it.

    Raises:
        BundleRejected: It is no model, holds what no model here needs, or operators of one engine, or is too large.
    """
    try:
        found = inspect(model)
    except ValueError as error:
        raise BundleRejected(path, f"it is not an ONNX model ({error})", FETCH) from error
    foreign = sorted((found.domains | {domain for domain, _ in found.operators}) - DOMAINS)
    if foreign:
        raise BundleRejected(path, f"it needs operators of {foreign}", "export it with standard ONNX operators")
    if found.oddities:
        raise BundleRejected(path, f"it holds {', '.join(sorted(found.oddities))}", "export it as one plain graph")
    if found.nodes > MAX_NODES:
        raise BundleRejected(
            path, f"it has {found.nodes} nodes, at most {MAX_NODES} may be", "fuse or shrink the model"
        )
