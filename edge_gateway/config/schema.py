"""The JSON Schema of gateway.toml, for editors: completion, hints and red lines while a configuration is written.

Made from the sections themselves, as `sample.toml` is; `gateway.schema.json` beside this file is its output. Draft 7,
the newest that the TOML servers of editors know well. It tells what a single value must be; what must fit together, and
the bounds of durations and sizes, only `sluicegate check` knows.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from edge_gateway.config.config import Config
from edge_gateway.config.units import duration_text, size_text

_ENV = r"\$\{[A-Za-z_]"  # "${NAME}" somewhere in a text; its value is known to the gateway alone
_ENVIRONMENT = {
    "type": "string",
    "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$",
    "description": "${NAME} or ${NAME:-default}: a value of the environment.",
}
_OURS = ("fix", "example", "shown")  # what `option` keeps of a field for others
_PYTHONS = ("title", "discriminator", "ge", "gt", "le", "lt", "format")


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        """A default as a person would write it."""
        return duration_text(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """As a document."""
    made = Config.model_json_schema(schema_generator=_Generator)
    definitions = {name: _node(node) for name, node in made.pop("$defs").items()}
    root = _node(made)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Sluicegate gateway.toml",
        **root,
        "$defs": {"environment": _ENVIRONMENT, **definitions},
    }


def text() -> str:
    """As a file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _node(node: dict[str, Any]) -> dict[str, Any]:
    """One schema in the terms of TOML: there is no null, and every value may come from the environment."""
    extra = {name: node[name] for name in _OURS if name in node}
    kept = {key: value for key, value in node.items() if key not in (*_OURS, *_PYTHONS)}
    about: dict[str, Any] = {key: kept.pop(key) for key in ("description", "default") if key in kept}
    if isinstance(about.get("default"), dict) or about.get("default") in (None, "", []):
        about.pop("default", None)
    if "KiB" in kept.get("pattern", "") and "default" in about:
        about["default"] = size_text(about["default"])
    told = about.get("description", "")
    if (fix := extra.get("fix")) and fix not in told:
        about["description"] = f"{told}\n\n{fix}"
    if extra.get("example") is not None:
        about["examples"] = [extra["example"]]
    shape = _shape(kept)
    return about | ({"allOf": [shape]} if about and "$ref" in shape else shape)  # beside $ref draft 7 sees nothing


def _shape(node: dict[str, Any]) -> dict[str, Any]:
    for key in ("anyOf", "oneOf"):
        if key in node:
            options = [_node(one) for one in node[key] if one.get("type") != "null"]
            flat = [part for one in options for part in one.get("anyOf", [one])]
            return options[0] if len(options) == 1 else {key: options if key == "oneOf" else flat}
    for key in ("properties", "$defs"):
        if key in node:
            node[key] = {name: _node(one) for name, one in node[key].items()}
    if "items" in node:
        node["items"] = _node(node["items"])
    if "pattern" in node:
        node["pattern"] = f"{node['pattern']}|{_ENV}"
    if "enum" in node or node.get("type") in {"integer", "number", "boolean"}:
        return {"anyOf": [node, {"$ref": "#/$defs/environment"}]}
    return node


if __name__ == "__main__":
    Path(__file__).with_name("gateway.schema.json").write_text(text(), encoding="utf-8")
