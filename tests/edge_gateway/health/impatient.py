"""A gateway that judges by seconds instead of minutes, for tests that wait for it.

As `sitecustomize` of every process that the tests start: `impatient(folder)` is the environment for it. Where a file
`stuck` is in the folder, the flow's reader finds nothing in the journal from then on, whatever is there.
"""

from __future__ import annotations

import os
from pathlib import Path

_CODE = """
from pathlib import Path
from connectors.journal.reader import JournalReader
from edge_gateway import progress, verdict
verdict.BEAT_S = {beat}
verdict.STALL_S = progress.STALL_S = {stall}
read, stuck = JournalReader.read, Path({stuck!r})
JournalReader.read = lambda self, *most: [] if stuck.exists() else read(self, *most)
"""


def impatient(folder: Path, beat_s: float = 4.0, stall_s: float = 4.0) -> dict[str, str]:
    """The environment."""
    place = folder / "impatient"
    place.mkdir()
    code = _CODE.format(beat=beat_s, stall=stall_s, stuck=str(folder / "stuck"))
    (place / "sitecustomize.py").write_text(code)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])}
