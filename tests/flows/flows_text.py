"""What falls out of windows, as text, to compare two runs."""

from __future__ import annotations

from typing import Any

from flows_closed import plain

from flows.blocks import LateBlock
from flows.window_block import WindowBlock


def text(out: list[Any]) -> list[str]:
    """Outputs as text, columns and all, to compare two runs."""
    said = []
    for item in out:
        if isinstance(item, WindowBlock):
            said.append(repr((item.asset, plain(item), item.backfilled)))
        elif isinstance(item, LateBlock):
            columns = (item.samples.tag, item.samples.source_time, item.samples.value, item.window_start)
            said.append(repr([column.tolist() for column in columns]))
        else:
            said.append(repr(item))
    return said
