"""What each command is for: the panels of `sluicegate --help` and the tables of edge_gateway/README.md."""

from __future__ import annotations

import typer

PURPOSES: dict[str, tuple[str, ...]] = {
    "Begin": ("init", "simulate", "demo", "check", "plan"),
    "Look at devices": ("browse", "read", "resolve", "scan", "peek", "cert"),
    "Run": ("run",),
    "Alarms": ("alerts", "explain"),
    "Models": ("features", "train", "evaluate", "model"),
    "What leaves the site": ("egress", "outbox", "query", "compact"),
}
"""Names of commands and of groups, in the order in which a reader needs them. A new one is added here."""


def put_in_panels(app: typer.Typer) -> None:
    """Give every command the panel of its purpose; to be called when all are registered.

    Raises:
        KeyError: A command stands in no purpose, or one that is named is not there.
    """
    named = {name: (purpose, place) for purpose, names in PURPOSES.items() for place, name in enumerate(names)}
    infos = {name_of(info): info for info in (*app.registered_commands, *app.registered_groups)}
    if different := sorted(named.keys() ^ infos.keys()):
        msg = f"{', '.join(different)}: PURPOSES in edge_gateway/commands/purposes.py names what is not, or lacks it"
        raise KeyError(msg)
    for name, (purpose, _) in named.items():
        infos[name].rich_help_panel = purpose


def name_of(info: typer.models.CommandInfo | typer.models.TyperInfo) -> str:
    """As it is typed; typer takes the function's name where none is given."""
    if isinstance(info.name, str) and info.name:
        return info.name
    callback = info.callback
    assert callable(callback)
    return str(callback.__name__).rstrip("_").replace("_", "-")
