"""What people ask of alarms, as an input like any other: through the journal, so that a replay gives the same records.

`post` is the asking side, in whatever process; `inbox` is the acquire process's, the journal's only writer.
"""

from __future__ import annotations
