"""The other end: what was delivered, read back from the place where it lies. Nothing a gateway runs needs this."""

from __future__ import annotations
