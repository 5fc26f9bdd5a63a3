"""Whether the channels that models follow fit the models and targets of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_gateway.config.problems import Problem


def channel_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What no single section can see, on the raw data.

    Args:
        data: The parsed TOML.
    """
    models = data.get("models")
    channels = _tables(models.get("channels")) if isinstance(models, dict) else []
    names = {str(model["name"]) for model in _tables(data.get("model")) if "name" in model}
    targets = {str(one.get("name") or one.get("kind")): str(one.get("kind")) for one in _tables(data.get("target"))}
    led: dict[str, int] = {}
    for number, channel in enumerate(channels):
        model, target, where = channel.get("model"), channel.get("target"), f"models.channels[{number}]"
        if isinstance(model, str) and model not in names:
            fix = 'Give a [[model]] table name = "..." instead of bundle.'
            yield Problem(f"{where}.model", f'"{model}"', "is the name of no [[model]] table", fix)
        if isinstance(model, str) and led.setdefault(model, number) != number:
            rule = f"follows models.channels[{led[model]}] already"
            yield Problem(f"{where}.model", f'"{model}"', rule, "A model follows one channel: remove the other.")
        if isinstance(target, str) and target not in targets:
            fix = f"Targets: {', '.join(sorted(targets)) or 'none'}."
            yield Problem(f"{where}.target", f'"{target}"', "is the name of no [[target]] table", fix)
        elif isinstance(target, str) and targets[target] == "mqtt":
            rule = "is a broker, which nothing can be read from"
            yield Problem(f"{where}.target", f'"{target}"', rule, "Name a target of another kind.")


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []
