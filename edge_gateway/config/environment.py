"""`${NAME}` in the texts of a configuration: values of the environment, for what differs from gateway to gateway.

`${NAME:-default}` is the default where the variable is not set or empty, and `$${` is the text `${` itself. Only values
are looked at, never keys, and what a variable holds is not looked at again. A value that is one reference and nothing
else may stand for a number, or for true and false. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge_gateway.config.key_text import key_text
from edge_gateway.config.problems import Problem, did_you_mean

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)\}|\$\{")
_INNER = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{).)*))?", re.DOTALL)
_FORM = "Write ${NAME} or ${NAME:-default}; $${ for the text ${ itself."


class EnvText(str):
    """What a single reference stands for: a text, unless the option is a number or a flag."""

    __slots__ = ()


def expanded(data: Any, environ: Mapping[str, str]) -> tuple[Any, list[Problem]]:
    """The same document with all references replaced, and what is wrong with them.

    A reference that stands for nothing stays as it is, so that all else can be judged.
    """
    problems: list[Problem] = []

    def walk(value: Any, steps: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*steps, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*steps, number)) for number, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        text, wrong = _replaced(value, environ)
        key = key_text(steps, data)[0]
        problems.extend(Problem(key, f'"{value}"', rule, fix) for rule, fix in wrong)
        return text

    return walk(data, ()), problems


def is_reference(value: object) -> bool:
    """Whether something in a text, or in a list of texts, comes from the environment."""
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and any(_inners(text)) for text in texts)


def values_of(data: Any, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and values of all variables that a document refers to and that are set."""
    if isinstance(data, dict | list):
        for item in data.values() if isinstance(data, dict) else data:
            yield from values_of(item, environ)
    elif isinstance(data, str):
        for inner in _inners(data):
            if environ.get(inner["name"]):
                yield inner["name"], environ[inner["name"]]


def _inners(text: str) -> Iterator[re.Match[str]]:
    for match in _REFERENCE.finditer(text):
        if match["inner"] is not None and (inner := _INNER.fullmatch(match["inner"])):
            yield inner


def _replaced(text: str, environ: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    wrong: list[tuple[str, str]] = []

    def one(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        inner = _INNER.fullmatch(match["inner"] or "")
        if inner is None:
            wrong.append((f"{match[0]} is no reference to an environment variable", _FORM))
            return match[0]
        name, default = inner["name"], inner["default"]
        if environ.get(name):
            return environ[name]
        if default is not None:
            return default
        near = did_you_mean(name, (known for known, value in environ.items() if value))
        fix = f"{near} Set it for the gateway (systemd: Environment=, Docker: --env), or give ${{{name}:-default}}."
        wrong.append((f"the environment variable {name} is not set here, or empty", fix.strip()))
        return match[0]

    whole = _REFERENCE.fullmatch(text)
    replaced = _REFERENCE.sub(one, text)
    return (EnvText(replaced) if whole and whole["inner"] is not None and not wrong else replaced), wrong
