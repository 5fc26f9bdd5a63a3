"""Telegraf's OPC-UA and Modbus inputs as a configuration of ours, for whoever comes from there."""

from __future__ import annotations
