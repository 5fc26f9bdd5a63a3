"""Finds what a configuration names of a user's own: a module, or a .py file, with a dataflow or with features."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from flows.gateway import Build, Gateway

if TYPE_CHECKING:
    from bytewax.dataflow import Dataflow

    from edge_gateway.config.processing import FeaturesSection
    from models.features import FeatureSet


class FlowRejected(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The named module cannot be used; `key` is where the configuration names it."""

    def __init__(self, name: str, rule: str, fix: str = "", key: str = "gateway.flow") -> None:
        super().__init__(f'{key} = "{name}": {rule}.' + (f" {fix}" if fix else ""))
        self.key = key
        self.name = name
        self.rule = rule
        self.fix = fix


def load_build(name: str) -> Build:
    """The `build(gateway) -> Dataflow` of a module or file.

    Args:
        name: "flows.condition_monitoring", or a path ending in ".py".

    Raises:
        FlowRejected: It is not there, cannot be imported, or has no `build`.
    """
    build = getattr(_imported(name, "gateway.flow"), "build", None)
    if not callable(build):
        raise FlowRejected(name, "has no function build(gateway)", "See flows/condition_monitoring.py for one.")
    checked: Build = build
    return checked


def build_flow(name: str, gateway: Gateway) -> Dataflow:
    """What `build(gateway)` puts together.

    Raises:
        FlowRejected: See `load_build`; or it raises, or hands back something else.
    """
    build = load_build(name)
    try:
        flow = build(gateway)
    except Exception as error:  # a user's function may raise anything; it is told, with the place
        raise FlowRejected(name, f"build(gateway) raises: {_told(error)}") from error
    if not hasattr(flow, "flow_id"):
        raise FlowRejected(name, f"build(gateway) gives a {type(flow).__name__}", "Return the Dataflow at its end.")
    return flow


def load_features(section: FeaturesSection) -> FeatureSet:
    """The configured feature set, after the module that adds to it.

    Raises:
        FlowRejected: The module cannot be imported, or there is no such set or feature.
    """
    if section.module is not None:
        _imported(section.module, "features.module")
    try:
        return section.feature_set()
    except ValueError as error:
        raise FlowRejected(section.set, str(error).rstrip("."), key="features.set") from error


def _imported(name: str, key: str) -> ModuleType:
    try:
        return _from_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except Exception as error:  # a user's file may raise anything; it is told, with the place
        fix = "Name a module or a .py file."
        raise FlowRejected(name, f"cannot be imported: {_told(error)}", fix, key) from error


def _from_file(path: Path) -> ModuleType:
    name = f"sluicegate_flow_{path.stem}"  # a file called models.py must not take the place of our room
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        msg = f"{path} is not a Python file"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _told(error: Exception) -> str:
    """Kind, message and, where there is one, the last place of the trace."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    place = traceback.extract_tb(cause.__traceback__)[-1]
    where = "" if place.filename.startswith("<") else f" ({place.filename}, line {place.lineno})"
    return f"{type(cause).__name__}: {cause}{where}".replace("\n", "; ")
