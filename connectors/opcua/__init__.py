"""OPC-UA: settings, our own subscription link on asyncua's channel and session, decoding to columns, driver.

`seam/` is the one door to the client side of asyncua.
"""

from __future__ import annotations
