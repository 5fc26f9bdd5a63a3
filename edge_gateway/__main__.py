"""`python -m edge_gateway` is `sluicegate`."""

from __future__ import annotations

from edge_gateway.cli import main

main()
