"""`sluicegate evaluate`: how good a model is on recordings whose faults are known."""

from __future__ import annotations
