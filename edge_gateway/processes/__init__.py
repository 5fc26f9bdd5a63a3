"""The three processes of a gateway, joined by journal and outbox; each is replaceable while the others go on."""

from __future__ import annotations
