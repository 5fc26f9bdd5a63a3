"""A simulated pump station: physics, faults, and real OPC-UA and Modbus TCP servers in a process of their own."""

from __future__ import annotations
