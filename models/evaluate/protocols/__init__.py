"""How public recordings are judged, each as its own board does it. The recordings are the user's to bring."""

from __future__ import annotations
