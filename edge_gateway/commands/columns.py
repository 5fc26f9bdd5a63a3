"""`--column TAG=COLUMN`, as `train` and `evaluate` take it."""

from __future__ import annotations

from collections.abc import Sequence

import typer


def columns_of(pairs: Sequence[str] | None) -> dict[str, str]:
    """Columns by tag.

    Raises:
        typer.BadParameter: One is not written so.
    """
    parts = [one.partition("=") for one in pairs or ()]
    if wrong := ["".join(part) for part in parts if not all(part)]:
        raise typer.BadParameter(f"{wrong[0]!r}: must be TAG=COLUMN", param_hint="--column")
    return {tag: name for tag, _, name in parts}
