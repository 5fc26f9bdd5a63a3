from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import EndpointUnreachable
from connectors.modbus.endpoint import Endpoint, connect

FILE = Path("x.pem")
TLS: dict[str, Any] = {"transport": "tls", "host": "plc", "cert_file": FILE, "key_file": FILE}


@pytest.mark.parametrize(
    ("given", "text", "framing"),
    [
        ({"host": "10.0.0.5"}, "tcp 10.0.0.5:502", "mbap"),
        ({"host": "fe80::1", "port": 1502}, "tcp [fe80::1]:1502", "mbap"),
        ({"transport": "rtu", "device": "/dev/ttyUSB0", "baudrate": 9600}, "rtu /dev/ttyUSB0 9600 8E1", "rtu"),
        ({"transport": "rtu_over_tcp", "host": "gw", "port": 4001}, "rtu_over_tcp gw:4001", "rtu"),
        ({"transport": "udp", "host": "plc"}, "udp plc:502", "mbap"),
        ({**TLS, "ca_file": FILE}, "tls plc:802", "mbap"),
    ],
)
def test_an_endpoint_reads_in_a_log_as_people_say_it(given: Any, text: str, framing: str) -> None:
    endpoint = Endpoint(**given)
    assert (str(endpoint), endpoint.framing) == (text, framing)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"transport": "ascii", "host": "plc"}, "transport"),
        ({}, "host"),
        ({"host": "plc", "port": 0}, "port"),
        ({"host": "plc", "port": 65_536}, "port"),
        ({"host": "plc", "device": "/dev/ttyS0"}, "device"),
        ({"transport": "rtu"}, "device"),
        ({"transport": "rtu", "device": "/dev/ttyS0", "host": "plc"}, "host"),
        ({"transport": "rtu", "device": "/dev/ttyS0", "port": 502}, "port"),
        ({"transport": "rtu", "device": "/dev/ttyS0", "baudrate": 0}, "baudrate"),
        ({"transport": "rtu", "device": "/dev/ttyS0", "parity": "X"}, "parity"),
        ({"transport": "rtu", "device": "/dev/ttyS0", "stopbits": 3}, "stopbits"),
        ({"transport": "rtu", "device": "/dev/ttyS0", "bytesize": 7}, "bytesize"),
        ({"transport": "udp", "host": "plc", "transaction_id": "ignore"}, "transaction_id"),
        ({"host": "plc", "transaction_id": "maybe"}, "transaction_id"),
        ({"host": "plc", "ca_file": FILE}, "ca_file"),
        ({**TLS, "ca_file": FILE, "key_file": None}, "key_file"),
        ({**TLS, "ca_file": FILE, "cert_file": None}, "cert_file"),
        (TLS, "ca_file"),
        ({**TLS, "ca_file": FILE, "pinned_cert": FILE}, "ca_file"),
    ],
)
def test_a_refusal_names_field_value_rule_and_fix(given: Any, field: str) -> None:
    with pytest.raises(ValueError, match=rf": {field} = .*: .*\. \w") as caught:
        Endpoint(**given)
    assert str(caught.value).startswith("modbus ")


@pytest.mark.parametrize(
    "given",
    [
        {"transport": "rtu", "device": "/dev/no-such-port"},
        {"transport": "rtu", "device": "/dev/null"},
        {**TLS, "host": "127.0.0.1", "ca_file": Path("/no/such/file.pem")},
        {"transport": "udp", "host": "no..such..host"},
    ],
)
def test_what_cannot_be_opened_is_unreachable_and_says_which(given: Any) -> None:
    endpoint = Endpoint(**given)
    with pytest.raises(EndpointUnreachable) as caught:
        asyncio.run(connect(endpoint, timedelta(seconds=2)))
    assert caught.value.endpoint == str(endpoint)
