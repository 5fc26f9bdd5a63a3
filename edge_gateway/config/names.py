"""Names of other programs as names of a configuration. Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 63  # characters of a name in a configuration; see `section.Name`


def config_name(text: str) -> str:
    """The nearest name that a configuration takes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-_.")[:LONGEST] or "node"
