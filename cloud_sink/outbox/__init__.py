"""The durable hand-over between the flow process and the deliver process: one SQLite file, two roles.

`writer` is the flow's side, `reader` the deliverer's; `database` is the one door to SQLite.
"""

from __future__ import annotations
