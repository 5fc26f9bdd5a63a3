"""The models of a running gateway: opened beside the flow, changed under its hands, watched, rolled back."""

from __future__ import annotations
