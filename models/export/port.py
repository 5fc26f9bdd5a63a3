"""temporary"""
from __future__ import annotations
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class StatePort:
    name: str
    shape: tuple[int, ...]
    start: str
