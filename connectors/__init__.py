"""What a device can say: drivers, the blocks they fill, and the journal that keeps them.

Words owned here: asset, tag, sample, status code, origin, notice, driver, journal.
A new protocol is one folder of the shape of `modbus/`: settings, pure decoding, driver, README.
"""

from __future__ import annotations
