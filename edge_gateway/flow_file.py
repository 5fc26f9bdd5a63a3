"""Finds the dataflow a configuration names: a module, or a user's own .py file."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from flows.gateway import Build


class FlowRejected(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The named dataflow cannot be used; the message says why and what to do."""


def load_build(name: str) -> Build:
    """The `build(gateway) -> Dataflow` of a module or file.

    Args:
        name: "flows.condition_monitoring", or a path ending in ".py".

    Raises:
        FlowRejected: It is not there, cannot be imported, or has no `build`.
    """
    try:
        module = _from_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except (ImportError, OSError, SyntaxError) as error:
        msg = f"gateway.flow = {name!r}: cannot be imported: {error}. Name a module or a .py file."
        raise FlowRejected(msg) from error
    build = getattr(module, "build", None)
    if not callable(build):
        msg = f"gateway.flow = {name!r}: has no function build(gateway). See flows/condition_monitoring.py for one."
        raise FlowRejected(msg)
    checked: Build = build
    return checked


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        msg = f"{path} is not a Python file"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
