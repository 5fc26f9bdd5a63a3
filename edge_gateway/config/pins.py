"""The file beside a configuration that says which tags its globs found; written by `sluicegate resolve`."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError, field_validator

from connectors.opcua.address import parse_node
from edge_gateway.config.problems import ConfigRejected, Problem
from edge_gateway.config.section import Name, Section, Whole, option
from edge_gateway.config.toml_text import toml_text
from edge_gateway.config.validation import from_validation
from edge_gateway.config.written import no_toml, rejected

_FIX = "Correct it, or take an older version of the file; without the file `sluicegate resolve` gives names anew."

Key = tuple[str, str, str, str]  # link, and what `OpcUaGlobSection.key` tells of the glob


class PinnedTag(Section):
    """A variable that was found, and its name for good."""

    asset: Name = option(description="Machine the tag belongs to.", fix=_FIX)
    tag: Name = option(description="Name of the tag.", fix=_FIX)
    node: str = option(description="Node id with the namespace URI.", fix=_FIX)
    unit: str = option("", description="Engineering unit of the value.", fix=_FIX)

    @field_validator("node")
    @classmethod
    def _node(cls, value: str) -> str:
        parse_node(value)
        return value


class PinnedGlob(Section):
    """What one glob found."""

    link: str = option(description="Name of the link.", fix=_FIX)
    glob: str = option(description="As in the configuration.", fix=_FIX)
    start: str = option("i=85", description="As in the configuration.", fix=_FIX)
    asset: str = option("", description="As in the configuration; empty = left out there.", fix=_FIX)
    tags: tuple[PinnedTag, ...] = option(description="What was found.", fix=_FIX, min_length=1)

    @property
    def key(self) -> Key:
        """Which glob of which link this is."""
        return self.link, self.glob, self.start, self.asset


class PinnedNamespace(Section):
    """Which namespace an index meant when it was looked up."""

    link: str = option(description="Name of the link.", fix=_FIX)
    index: Whole = option(description="As in the configuration.", fix=_FIX, ge=1, le=65535)
    uri: str = option(description="Of the namespace.", fix=_FIX, min_length=1)


class Pins(Section):
    """A whole file."""

    namespaces: tuple[PinnedNamespace, ...] = option((), description="What `ns=` means in nodes of a link.", fix=_FIX)
    globs: tuple[PinnedGlob, ...] = option((), description="Globs in the order of the configuration.", fix=_FIX)


def path_of(config: Path) -> Path:
    """Where the pins of a configuration are."""
    return config.with_name(f"{config.stem}.tags.toml")


def read(path: Path) -> Pins:
    """Read and check a file of pins; none is one that is empty.

    Raises:
        ConfigRejected: With all problems; each names the file.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Pins()
    except OSError as error:
        raise ConfigRejected(path, [Problem(path.name, None, f"cannot be read: {error.strerror}", "")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise no_toml(path, error, _FIX) from error
    except RecursionError as error:
        raise ConfigRejected(path, [Problem(path.name, None, "is nested too deeply", _FIX)]) from error
    try:
        return Pins.model_validate(data)
    except ValidationError as error:
        found = from_validation(error, data, Pins)
        raise rejected(path, [replace(one, fix=one.fix or _FIX) for one in found], {}) from error


def text(pins: Pins) -> str:
    """The file without its head: a line a tag, so that versions compare well."""
    return "".join(_namespace(one) for one in pins.namespaces) + "".join(_section(one) for one in pins.globs)


def _namespace(one: PinnedNamespace) -> str:
    return f"\n[[namespaces]]\nlink = {toml_text(one.link)}\nindex = {one.index}\nuri = {toml_text(one.uri)}\n"


def _section(one: PinnedGlob) -> str:
    about = {"link": one.link, "glob": one.glob, "start": one.start} | ({"asset": one.asset} if one.asset else {})
    tags = [f"  {{ {_pairs(tag)} }},\n" for tag in one.tags]
    return (
        "\n[[globs]]\n"
        + "".join(f"{key} = {toml_text(value)}\n" for key, value in about.items())
        + ("tags = [\n" + "".join(tags) + "]\n")
    )


def _pairs(tag: PinnedTag) -> str:
    facts = {"asset": tag.asset, "tag": tag.tag, "node": tag.node, "unit": tag.unit}
    return ", ".join(f"{key} = {toml_text(value)}" for key, value in facts.items() if value)
