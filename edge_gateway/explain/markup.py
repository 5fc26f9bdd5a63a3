"""Text as HTML and SVG take it. Names and comments are hostile until they went through here."""

from __future__ import annotations

import html


def text(value: str) -> str:
    """Escaped for content and quoted attributes; what is not printable, such as a bidi override, is spelt out."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return html.escape(plain, quote=True)


def number(value: float) -> str:
    """A coordinate: hundredths of a pixel are enough."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
