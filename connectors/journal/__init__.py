"""The journal: everything acquired, on disk, in order, before anything is computed from it.

One writer process, one reading flow. A ring of append-only segments with a byte quota; see `format.py` for the bytes,
`writer.py` and `reader.py` for who may do what.
"""

from __future__ import annotations
