"""The life of a model on its gateway: stored, shadow, active, rolled back. `steps` decides, `store` keeps."""

from __future__ import annotations
