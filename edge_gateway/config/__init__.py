"""The configuration: TOML in, settings of every room out, and errors a person can act on."""

from __future__ import annotations
