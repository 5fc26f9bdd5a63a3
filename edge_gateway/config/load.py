"""From a file to a `Config`, or to every problem it has."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_gateway.config.across import across_sections
from edge_gateway.config.config import Config
from edge_gateway.config.environment import expanded
from edge_gateway.config.globs import include_globs
from edge_gateway.config.maps import include_maps
from edge_gateway.config.namespaces import indexed_nodes, put_uris
from edge_gateway.config.pins import Pins
from edge_gateway.config.problems import ConfigRejected, Problem
from edge_gateway.config.section import Section
from edge_gateway.config.validation import from_validation
from edge_gateway.config.written import no_toml, rejected


def load(path: Path, *, pinned: bool = True, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a configuration file, its register maps and its pinned tags.

    Relative paths are taken against the file's own folder.

    Args:
        path: Of the file.
        pinned: With the tags that its globs found; `resolve`, which is about to find them, does without.
        environ: What `${NAME}` stands for; None = the environment of this process.

    Raises:
        ConfigRejected: With all problems found, and their lines. Nothing but these files was looked at.
    """
    environ = os.environ if environ is None else environ
    data, problems = expanded(_read(path), environ)
    unset = {problem.key for problem in problems}  # what else would be said of them says nothing
    unresolved = include_globs(data, path) if pinned else []
    if not pinned:
        put_uris(list(indexed_nodes(data)), Pins(), path)
    complete = pinned and not unresolved and not problems
    problems += [*include_maps(data, path.resolve().parent), *unresolved, *across_sections(data, complete=complete)]
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found = [problem for problem in from_validation(error, data) if problem.key not in unset]
        raise rejected(path, [*found, *problems], environ) from None  # it would show what variables hold
    if problems:
        raise rejected(path, problems, environ)
    return _absolute(config, path.resolve().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors begin with a BOM
    except OSError as error:
        raise ConfigRejected(
            path, [Problem("file", None, f"cannot be read: {error.strerror}", "Name an existing TOML file.")]
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise no_toml(path, error) from error
    except RecursionError as error:
        raise ConfigRejected(
            path, [Problem("file", None, "is nested too deeply", "Correct the TOML there.")]
        ) from error


def _absolute(config: Config, base: Path) -> Config:
    """The same configuration with every path absolute."""

    def walk(value: Any) -> Any:
        if isinstance(value, Path):
            return value if value.is_absolute() else base / value
        if isinstance(value, tuple):
            return tuple(walk(item) for item in value)
        if isinstance(value, Section):
            return value.model_copy(update={name: walk(getattr(value, name)) for name in type(value).model_fields})
        return value

    flow = config.gateway.flow
    if flow.endswith(".py") and not Path(flow).is_absolute():
        gateway = config.gateway.model_copy(update={"flow": str(base / flow)})
        config = config.model_copy(update={"gateway": gateway})
    module = config.features.module
    if module is not None and module.endswith(".py") and not Path(module).is_absolute():
        features = config.features.model_copy(update={"module": str(base / module)})
        config = config.model_copy(update={"features": features})
    absolute: Config = walk(config)
    return absolute
