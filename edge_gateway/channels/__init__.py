"""Models that come from elsewhere: a signed channel is followed, by each gateway for itself."""

from __future__ import annotations
