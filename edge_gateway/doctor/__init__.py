"""One bundle for support: how a gateway is configured and how it does, without any secret."""

from __future__ import annotations
