"""Takes secrets out of texts: those that are known by their value, and whatever looks like one. Pure.

Both, since neither is enough: a value may turn up in an error message of some library, and a file may hold a secret
under a key that this software does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from edge_gateway.config.environment import values_of
from edge_gateway.config.toml_text import toml_text

SECRET = "[secret]"  # noqa: S105 - what stands in its place

_SHORTEST = 4  # characters of a value that is looked for everywhere: "1" stands for too much else
_WORDS = (
    r"passw(?:or)?d|passphrase|secret|token|credential|api_?key|access_?key|account_?key|private_?key|authorization"
)
_IS_SECRET = re.compile(_WORDS, re.IGNORECASE)
_ENVIRONMENT = re.compile(rf"{_WORDS}|pass|auth|_key|_pw|_sas|connection_string", re.IGNORECASE)
_NAMES_ONE = re.compile(r"_(?:file|files|env|folder|policy)$", re.IGNORECASE)  # says where the secret is, not what

_VALUE = r'"""(?:.|\n)*?"""|' + r"'''(?:.|\n)*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|[^\s,;}&\]\"']+"
_ASSIGNED = re.compile(
    rf"(?P<key>[\w.-]*(?:{_WORDS})[\w.-]*)(?P<is>[\"']?\s*[:=]\s*)(?P<value>{_VALUE})", re.IGNORECASE
)
_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/@\"'<>]+)@")
_QUERY = re.compile(r"(?P<key>[?&](?:sig|se|sp|key|X-Amz-[A-Za-z-]+)=)[^&\s\"'<>]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<how>Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{8,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_AWS = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")


class Scrubber:
    """Knows the secrets of one gateway."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """From values that must not appear.

        Args:
            known: By value, what stands in its place.
        """
        self._known = {value: name for value, name in known.items() if _is_telling(value)}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        """The text without secrets."""
        if self._values is not None:
            text = self._values.sub(lambda found: self._known[found[0]], text)
        text = _PEM.sub(SECRET, text)
        text = _BEARER.sub(lambda found: f"{found['how']} {SECRET}", text)
        text = _ASSIGNED.sub(_assigned, text)
        text = _USER.sub(lambda found: f"{found['scheme']}{SECRET}@", text)
        text = _QUERY.sub(lambda found: found["key"] + SECRET, text)
        return _AWS.sub(SECRET, text)


def known_secrets(data: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """What a parsed configuration and the environment hold that must not appear, and what stands in its place.

    Values of variables that the configuration refers to may be harmless; their names say as much, so those stand there.

    Args:
        data: The document as it is written, `${NAME}` not replaced.
        environ: Of this process.
    """
    known = {value: f"${{{name}}}" for name, value in values_of(data, environ)}
    known |= {value: SECRET for name, value in environ.items() if value and _ENVIRONMENT.search(name)}
    known |= {environ[name]: SECRET for name in _named_by(data) if environ.get(name)}
    known |= dict.fromkeys(_written(data), SECRET)
    return {form: name for value, name in known.items() for form in _forms(value)}


def _is_telling(value: str) -> bool:
    return len(value) >= _SHORTEST and value.lower() not in {"true", "false", "none", "null"}


def _forms(value: str) -> set[str]:
    """As it is, as JSON, TOML and URLs write it, each line of several."""
    return {value, value.strip(), toml_text(value)[1:-1], json.dumps(value)[1:-1], quote(value), *value.splitlines()}


def _named_by(data: Any) -> Iterator[str]:
    """Environment variables that are named by keys such as `password_env`."""
    for key, value in _items(data):
        if key.endswith("_env") and isinstance(value, str):
            yield value


def _written(data: Any) -> Iterator[str]:
    """Secrets in the document itself, where none should be."""
    for key, value in _items(data):
        if not isinstance(value, str) or "${" in value:
            continue
        if _IS_SECRET.search(key) and not _NAMES_ONE.search(key):
            yield value
        for found in _USER.finditer(value):
            yield from found["user"].split(":")


def _items(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield str(key), value
            yield from _items(value)
    elif isinstance(data, list):
        for value in data:
            yield from _items(value)


def _assigned(found: re.Match[str]) -> str:
    value = found["value"]
    if _NAMES_ONE.search(found["key"]) or value.strip("\"'") in {"", "null", "None", "true", "false", SECRET, "{", "["}:
        return found[0]
    if value.startswith("${") or value[1:].startswith("${"):
        return found[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['key']}{found['is']}{quote}{SECRET}{quote}"
