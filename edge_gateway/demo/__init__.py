"""`sluicegate demo`: the whole job on a simulated plant, over real protocols, in front of your eyes."""

from __future__ import annotations
