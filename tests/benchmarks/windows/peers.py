"""Other streaming libraries, each in a process and an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / "var" / "peers" / "bin" / "python"
GOAL = 20
# Script, what it is called, whether there is a goal
PEERS = (
    ("pathway_peer.py", "Pathway 0.33.0, windowby, 5 reducers", True),
    ("quix_peer.py", "Quix Streams 3.28.1 without its broker, 5 aggregations", True),
    ("river_peer.py running", "river 0.26.1, 5 running statistics, no windows at all", False),
    ("river_peer.py rolling", "river 0.26.1, 4 rolling statistics, no event time", False),
)


def rows(ours_us: float, what: str) -> Iterator[dict[str, Any]]:
    """One row a library for the table of `make bench`.

    Args:
        ours_us: CPU us a sample of ours, of the same run.
        what: Name of the work.
    """
    for script, name, has_goal in PEERS:
        row = {"name": what, "figure": round(1 / ours_us, 2), "unit": "million samples/s and core"}
        goal = f">= {GOAL} times faster" if has_goal else ""
        if not PYTHON.exists():
            yield {**row, "against": f"{name}: not installed (make var/peers/.ready)", "goal": goal, "met": None}
            continue
        command = [PYTHON, *script.split()]
        done = subprocess.run(
            command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
        )
        theirs_us = json.loads(done.stdout.splitlines()[-1])["us"]
        yield {
            **row,
            "against": f"{name}: {theirs_us:.3g} us a sample",
            "ratio": round(theirs_us / ours_us, 1),
            "goal": goal,
            "met": theirs_us / ours_us >= GOAL if has_goal else None,
        }
