"""Commands that look at servers and certificates. They never write to a device."""

from __future__ import annotations
