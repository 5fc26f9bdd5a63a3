"""What became of a read, as an OPC-UA status code. Pure. The same table stands in this folder's README."""

from __future__ import annotations

from connectors import status
from connectors.errors import BadReply, ConnectorError, DeviceException, NoReply
from connectors.modbus import protocol

# The choice is this project's own: Modbus Application Protocol V1.1b3, 7 says what each exception means.
EXCEPTION_STATUS = {
    protocol.ILLEGAL_FUNCTION: status.BAD_NOT_SUPPORTED,
    protocol.ILLEGAL_DATA_ADDRESS: status.BAD_CONFIGURATION_ERROR,
    protocol.ILLEGAL_DATA_VALUE: status.BAD_OUT_OF_RANGE,
    protocol.SERVER_DEVICE_FAILURE: status.BAD_DEVICE_FAILURE,
    protocol.ACKNOWLEDGE: status.BAD_RESOURCE_UNAVAILABLE,
    protocol.SERVER_DEVICE_BUSY: status.BAD_RESOURCE_UNAVAILABLE,
    protocol.MEMORY_PARITY_ERROR: status.BAD_DEVICE_FAILURE,
    protocol.GATEWAY_PATH_UNAVAILABLE: status.BAD_NOT_CONNECTED,
    protocol.GATEWAY_TARGET_FAILED: status.BAD_NO_COMMUNICATION,
}

TRANSIENT = frozenset({protocol.ACKNOWLEDGE, protocol.SERVER_DEVICE_BUSY})  # asked once more in the same poll
UNIT_AWAY = frozenset({protocol.GATEWAY_PATH_UNAVAILABLE, protocol.GATEWAY_TARGET_FAILED})  # a gateway speaks for it
ILLEGAL = frozenset({protocol.ILLEGAL_DATA_ADDRESS, protocol.ILLEGAL_DATA_VALUE})  # the request's own fault


def status_of(error: ConnectorError) -> int:
    """The status code of every value that a failed read should have brought."""
    match error:
        case DeviceException():
            return EXCEPTION_STATUS.get(error.code, status.BAD)
        case NoReply():
            return status.BAD_TIMEOUT
        case BadReply():
            return status.BAD_DECODING_ERROR
        case _:  # no link
            return status.BAD_NO_COMMUNICATION
