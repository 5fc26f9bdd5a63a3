"""A minute of a mill as its gateway received it, with everything that can befall a stream. Used by the tests here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.tags import Tag, TagTable
from tests.edge_gateway.bundles import CONFIG, SECOND, make_bundle

START = 1_700_000_000 * SECOND
TABLE = TagTable("mill", (Tag("flow", "", 0.1), Tag("power", "", 0.1)))
RULES = """
[[rules]]
name = "flow"
assets = ["mill"]
tag = "flow"
kind = "limit"
hh = 70.0
"""


def make_gateway(folder: Path, more: str = RULES) -> Path:
    """A configuration with a trained model and a rule; none of its devices is there."""
    make_bundle(folder / "bundle", "1")
    path = folder / "gateway.toml"
    text = CONFIG.replace('name = "press"\n', 'bundle = "bundle"\n')
    path.write_text(text + more)
    return path


def minute(per_block: int = 5) -> Iterator[Item]:
    """600 moments of both tags; the flow is too high from 30 s to 40 s.

    Args:
        per_block: Moments in a block.
    """
    rng = np.random.default_rng(5)
    values = 50 + rng.normal(size=(600, 2))
    values[300:400, 0] += 30
    status = np.zeros((600, 2), np.uint32)
    status[100:110, 1] = 0x800A0000
    values[status != 0] = np.nan
    times = START + np.arange(600) * SECOND // 10
    for first in range(0, 600, per_block):
        rows = slice(first, first + per_block)
        when = np.repeat(times[rows], 2)
        tag = np.tile(np.array([0, 1], np.uint16), per_block)
        received = int(when[-1]) + 3_000_000
        yield SampleBatch(TABLE, tag, when, values[rows].ravel(), status[rows].ravel(), received)
        if first + per_block == 355:
            yield Notice(
                NoticeKind.COMMAND, "mill", "acknowledge", received, 0, 0, "eve", json.dumps({"alarm": "flow.HH"})
            )
    # Late samples, a hole that is filled, and silence that closes the last windows
    late = np.full(3, START + SECOND)
    yield SampleBatch(TABLE, np.zeros(3, np.uint16), late, np.ones(3), np.zeros(3, np.uint32), START + 61 * SECOND)
    end = int(times[-1])
    yield Notice(NoticeKind.GAP, "mill", "reconnect", end, end + 5 * SECOND, 0, "plc")
    filled = end + np.arange(1, 21) * SECOND // 10
    yield SampleBatch(
        TABLE,
        np.zeros(20, np.uint16),
        filled,
        np.full(20, 50.0),
        np.zeros(20, np.uint32),
        START + 66 * SECOND,
        Origin.BACKFILLED,
    )
    yield Notice(NoticeKind.IDLE, "mill", "silent", end, end + 10 * SECOND)
