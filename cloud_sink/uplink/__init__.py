"""The door: the only package of this room that opens connections. What leaves over a network leaves here, counted."""

from __future__ import annotations
