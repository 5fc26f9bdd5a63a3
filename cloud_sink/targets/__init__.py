"""Places an object can be delivered to, each verified before anything is deleted here. One file a target."""

from __future__ import annotations
