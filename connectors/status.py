"""OPC-UA status codes, the one language of quality for every protocol.

The top two bits are the severity: 00 good, 01 uncertain, 10 and 11 bad (OPC 10000-4, 7.39.1; 11 is
reserved and read as bad). Codes from OPC 10000-6, A.2; the Modbus mapping is this project's own choice and is
listed in `connectors/modbus/README.md`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GOOD = 0x0000_0000
BAD = 0x8000_0000
BAD_DECODING_ERROR = 0x8007_0000
BAD_TIMEOUT = 0x800A_0000
BAD_WAITING_FOR_INITIAL_DATA = 0x8032_0000
BAD_NO_COMMUNICATION = 0x8031_0000
BAD_OUT_OF_RANGE = 0x803C_0000
BAD_NOT_SUPPORTED = 0x803D_0000
BAD_NOT_CONNECTED = 0x808A_0000
BAD_DEVICE_FAILURE = 0x808B_0000
BAD_SENSOR_FAILURE = 0x808C_0000
BAD_CONFIGURATION_ERROR = 0x8089_0000
BAD_RESOURCE_UNAVAILABLE = 0x8004_0000
BAD_TYPE_MISMATCH = 0x8074_0000
UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x4094_0000

# Info type DataValue (bits 10-11 = 01) with the overflow bit (7): the server's queue lost values before this one.
OVERFLOW_BITS = 0x0000_0480

_SEVERITY_SHIFT = 30


def is_good(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """True where the severity is good."""
    good: NDArray[np.bool_] = status < np.uint32(1 << _SEVERITY_SHIFT)
    return good


def is_bad(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """True where the severity is bad (or the reserved fourth)."""
    bad: NDArray[np.bool_] = status >= np.uint32(2 << _SEVERITY_SHIFT)
    return bad


def has_overflowed(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """True where the server says that its queue lost values before this one (OPC 10000-4, 7.39.1)."""
    overflowed: NDArray[np.bool_] = (status & np.uint32(OVERFLOW_BITS)) == OVERFLOW_BITS
    return overflowed
