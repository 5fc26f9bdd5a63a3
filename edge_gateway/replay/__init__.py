"""A recording through a configured flow: the same recording gives the same records, byte for byte."""

from __future__ import annotations
