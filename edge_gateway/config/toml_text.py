"""Texts as TOML writes them. Pure."""

from __future__ import annotations


def toml_text(text: str) -> str:
    """A TOML string: literal where that is enough, so that quotes in node ids stay readable."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
