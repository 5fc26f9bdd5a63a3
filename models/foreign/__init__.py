"""A model that somebody made elsewhere, as a bundle: read and judged, wrapped, calibrated, proven."""

from __future__ import annotations
