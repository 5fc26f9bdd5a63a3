"""A checked configuration as JSON and back, value for value.

The TOML cannot be read again for that: register maps, pinned tags and the environment may have changed since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from connectors.modbus.address import Address, Kind, Order, Rules, Table
from edge_gateway.config.config import Config
from edge_gateway.config.environment import EnvText
from edge_gateway.config.section import Section

_PLAIN = (str, int, float, bool, type(None))
_VALUES: dict[str, Callable[..., Any]] = {one.__name__: one for one in (Address, Rules, Table, Kind, Order)}
_US = timedelta(microseconds=1)


def encode(value: Any) -> Any:
    """As JSON values.

    Raises:
        TypeError: Of a kind that is not known here.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, EnvText):
        return str(value)
    if kind is tuple:
        return [encode(one) for one in value]
    if kind is list:
        return {"list": [encode(one) for one in value]}
    if kind is dict:
        return {"dict": [[encode(key), encode(one)] for key, one in value.items()]}
    if isinstance(value, timedelta):
        return {"us": value // _US}
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, Section):
        return {"section": kind.__name__, "keys": {name: encode(getattr(value, name)) for name in kind.model_fields}}
    if isinstance(value, Enum) and kind.__name__ in _VALUES:
        return {"value": kind.__name__, "is": value.value}
    if is_dataclass(value) and kind.__name__ in _VALUES:
        return {"value": kind.__name__, "of": {one.name: encode(getattr(value, one.name)) for one in fields(value)}}
    msg = f"{kind.__name__}: of no kind that is kept; add it to edge_gateway/reload/codec.py"
    raise TypeError(msg)


def decode(data: Any) -> Config:
    """Inverse of `encode`, of a configuration. A key that came with newer software has its default.

    Raises:
        ValueError: Not what `encode` wrote.
    """
    sections = {one.__name__: one for one in _all_sections(Section)}
    try:
        config = _decoded(data, sections)
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"is no kept configuration ({error!r})"
        raise ValueError(msg) from error
    if not isinstance(config, Config):
        msg = f"is a {type(config).__name__}, no configuration"
        raise ValueError(msg)
    return config


def _decoded(data: Any, sections: dict[str, type[Section]]) -> Any:
    if isinstance(data, list):
        return tuple(_decoded(one, sections) for one in data)
    if not isinstance(data, dict):
        return data
    match data:
        case {"section": name, "keys": keys}:
            kind = sections[name]
            known = {key: _decoded(one, sections) for key, one in keys.items() if key in kind.model_fields}
            return kind.model_construct(**{_alias(kind, key): one for key, one in known.items()})
        case {"us": us}:
            return timedelta(microseconds=us)
        case {"path": path}:
            return Path(path)
        case {"list": items}:
            return [_decoded(one, sections) for one in items]
        case {"dict": items}:
            return {_decoded(key, sections): _decoded(one, sections) for key, one in items}
        case {"value": name, "is": value}:
            return _VALUES[name](value)
        case {"value": name, "of": parts}:
            return _VALUES[name](**{key: _decoded(one, sections) for key, one in parts.items()})
    msg = f"{sorted(data)} is of no kind that is kept"
    raise KeyError(msg)


def _alias(kind: type[Section], key: str) -> str:
    """`model_construct` takes a field by its alias where it has one."""
    return kind.model_fields[key].alias or key


def _all_sections(kind: type[Section]) -> list[type[Section]]:
    return [kind, *(found for one in kind.__subclasses__() for found in _all_sections(one))]
