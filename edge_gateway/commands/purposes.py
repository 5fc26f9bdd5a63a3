"""What each command is for: the panels of `sluicegate --help` and the tables of edge_gateway/README.md."""

from __future__ import annotations

import typer

PURPOSES: dict[str, tuple[str, ...]] = {
    "Begin": ("init", "simulate", "demo", "check", "plan", "schema", "import"),
    "Look at devices": ("browse", "read", "resolve", "scan", "peek", "cert"),
    "Run": ("run", "reload", "health", "status", "top", "doctor"),
    "Alarms": ("alerts", "explain"),
    "Recordings": ("record", "replay", "test"),
    "Models": ("features", "train", "evaluate", "model"),
    "Many gateways": ("fleet",),
    "What leaves the site": ("egress", "outbox", "query", "compact"),
}
"""Names of commands and of groups, in the order in which a reader needs them. A new one is added here."""


def put_in_panels(app: typer.Typer) -> None:
    """Give every command the panel of its purpose, in this order; to be called when all are registered."""
    named = {name: (place, purpose) for purpose, names in PURPOSES.items() for place, name in enumerate(names)}
    order = list(PURPOSES)
    for infos in (app.registered_commands, app.registered_groups):
        for info in infos:
            if (name := name_of(info)) in named:
                info.rich_help_panel = named[name][1]
        infos.sort(key=lambda info: _place(named.get(name_of(info)), order))


def _place(found: tuple[int, str] | None, order: list[str]) -> tuple[int, int]:
    return (len(order), 0) if found is None else (order.index(found[1]), found[0])


def name_of(info: typer.models.CommandInfo | typer.models.TyperInfo) -> str:
    """As it is typed; typer takes the function's name where none is given."""
    if isinstance(info.name, str) and info.name:
        return info.name
    callback = info.callback
    assert callable(callback)
    return str(callback.__name__).rstrip("_").replace("_", "-")
