"""Every log event that the rooms can write, from their source."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOMS = ("connectors", "flows", "models", "edge_gateway", "cloud_sink")
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
OTHER = ("critical", "fatal", "log", "msg", "warn")

Events = dict[tuple[str, str], set[str]]


def log_events() -> Events:
    """Fields by event and level; "..." among them where some are only known as it runs.

    Raises:
        ValueError: A call whose event is no plain word: it could not be listed.
    """
    found: Events = defaultdict(set)
    for room in ROOMS:
        folder = Path(str(import_module(room).__file__)).parent  # of the wheel, where that is tested
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "structlog" in text:
                for event, level, fields in of_module(ast.parse(text), f"{room}/{path.relative_to(folder)}"):
                    found[event, level] |= fields
    return dict(found)


def of_module(tree: ast.Module, where: str) -> Iterator[tuple[str, str, set[str]]]:
    """Event, level and fields of each call in one module; `where` names it in errors."""
    bound: dict[str, set[str]] = {}
    grew = True
    while grew:  # a logger may be bound to another one that is found later
        grew = False
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and (fields := _made(node.value, bound)) is not None:
                for name in map(ast.unparse, node.targets):
                    grew |= name not in bound
                    bound.setdefault(name, set()).update(fields)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in {*LEVELS, *OTHER}):
            continue
        if ast.unparse(node.value) not in bound:
            continue
        call = calls.get(id(node))
        if call is None or node.attr not in LEVELS or not call.args or not isinstance(call.args[0], ast.Constant):
            msg = f"{where}:{node.lineno}: name the event by a word in a call of {', '.join(LEVELS)}"
            raise ValueError(msg)
        event = str(call.args[0].value)
        if not event.isidentifier() or event.lower() != event:
            msg = f"{where}:{node.lineno}: {event!r}: events are written like_this"
            raise ValueError(msg)
        own = {keyword.arg or "..." for keyword in call.keywords} - {"exc_info"}
        yield event, LEVELS[node.attr], bound[ast.unparse(node.value)] | own


def _made(value: ast.expr, bound: dict[str, set[str]]) -> set[str] | None:
    """The fields that a new logger carries, where an expression makes one."""
    if not isinstance(value, ast.Call):
        return None
    if ast.unparse(value.func) == "structlog.get_logger":
        return set()
    if isinstance(value.func, ast.Attribute) and value.func.attr == "bind":
        owner = ast.unparse(value.func.value)
        if owner in bound:
            return bound[owner] | {keyword.arg or "..." for keyword in value.keywords}
    return None
