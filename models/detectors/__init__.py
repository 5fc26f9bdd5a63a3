"""Detectors: what is fitted. Each one file, in scikit-learn's habits; none is needed on a gateway (extra `train`)."""

from __future__ import annotations
