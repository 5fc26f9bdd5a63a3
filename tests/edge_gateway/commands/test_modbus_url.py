from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.modbus.endpoint import Endpoint
from edge_gateway.cli import app
from edge_gateway.commands.modbus_url import Place, place_of
from edge_gateway.commands.refusal import Refusal


def tls(**files: str) -> dict[str, Any]:
    return {"transport": "tls", **{field: Path(name) for field, name in files.items()}}


@pytest.mark.parametrize(
    ("url", "fields", "unit"),
    [
        ("modbus://plc", {"host": "plc", "port": 502}, None),
        ("modbus://10.0.0.1:1502/0", {"host": "10.0.0.1", "port": 1502}, 0),
        ("modbus://[fe80::1]:502/255/", {"host": "fe80::1"}, 255),
        ("modbus+tcp://plc?unit_id=9&transaction_id=ignore", {"host": "plc", "transaction_id": "ignore"}, 9),
        ("modbus+udp://plc/3", {"transport": "udp", "host": "plc", "port": 502}, 3),
        ("modbus+rtu-over-tcp://plc:4001/7", {"transport": "rtu_over_tcp", "host": "plc", "port": 4001}, 7),
        ("modbus+rtu_over_tcp://plc", {"transport": "rtu_over_tcp", "host": "plc"}, None),
        ("modbus+rtu:///dev/ttyUSB0", {"transport": "rtu", "device": "/dev/ttyUSB0", "baudrate": 19_200}, None),
        (
            "modbus+rtu:///dev/serial/by-id/usb%20one?baudrate=9600&parity=N&stop_bits=2&unit_id=247",
            {"transport": "rtu", "device": "/dev/serial/by-id/usb one", "baudrate": 9600, "parity": "N", "stopbits": 2},
            247,
        ),
        (
            "modbus+tls://plc?ca_file=a+b.pem&certificate=c.pem&private_key=k.pem",
            {"host": "plc", "port": 802, **tls(ca_file="a+b.pem", cert_file="c.pem", key_file="k.pem")},
            None,
        ),
        (
            "modbus+tls://plc:8802/1?server_certificate=/s.pem&certificate=c.pem&private_key=k.pem",
            {"host": "plc", "port": 8802, **tls(pinned_cert="/s.pem", cert_file="c.pem", key_file="k.pem")},
            1,
        ),
    ],
)
def test_urls(url: str, fields: dict[str, Any], unit: int | None) -> None:
    assert place_of(url) == Place(Endpoint(**fields), unit)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("plc", 'ENDPOINT = "plc": is no endpoint. Write it like modbus://'),
        ("opc.tcp://plc", "is no endpoint"),
        ("modbus://", '"" is no host'),
        ("modbus://a:0", "ENDPOINT port = 0: must be 1..65535. Modbus TCP devices listen on 502."),
        ("modbus://a:70000", "ENDPOINT port = 70000: must be 1..65535"),
        ("modbus://a/256", "ENDPOINT unit = 256: must be 0 to 255 over tcp. Use the unit id set on the device."),
        ("modbus+rtu-over-tcp://a/0", "ENDPOINT unit = 0: must be 1 to 247 over rtu_over_tcp"),
        ("modbus://a/1?unit_id=1", "the unit stands twice. Keep /UNIT or unit_id, not both."),
        ("modbus+ascii://a", "modbus+ascii is no transport. Use modbus, or one of modbus+tcp, modbus+udp, modbus+tls"),
        ("modbus+rtu://ttyUSB0", "must be the path of a serial port. Write it like modbus+rtu:///dev/ttyUSB0"),
        ("modbus+rtu:///dev/ttyS0?baud=9600", "ENDPOINT baud = 9600: modbus+rtu has no such option. Use baudrate,"),
        ("modbus+rtu:///dev/ttyS0?baudrate=fast", 'ENDPOINT baudrate = "fast": must be a whole number'),
        ("modbus+rtu:///dev/ttyS0?baudrate=100", "ENDPOINT baudrate = 100: must be 300..4000000. Use the rate of the"),
        ("modbus+rtu:///dev/ttyS0?parity=X", "ENDPOINT parity = X: must be N, E or O"),
        ("modbus+rtu:///dev/ttyS0?stop_bits=3", "ENDPOINT stop_bits = 3: must be 1 or 2"),
        ("modbus+rtu:///dev/ttyS0?parity=", 'ENDPOINT parity = "": has no value. Write parity=VALUE.'),
        ("modbus+rtu:///dev/ttyS0?parity=E&parity=N", "ENDPOINT parity = N: stands more than once"),
        ("modbus+udp://a?transaction_id=ignore", "modbus+udp has no such option. Use unit_id."),
        ("modbus://a?transaction_id=never", "ENDPOINT transaction_id = never: must be strict or ignore"),
        ("modbus+tls://a", "ENDPOINT certificate: must be given for tls. Modbus/TCP Security is mutual"),
        ("modbus+tls://a?certificate=c&private_key=k", "ENDPOINT ca_file: with server_certificate = None: exactly one"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_its_key_rule_and_fix(url: str, told: str) -> None:
    with pytest.raises(Refusal) as caught:
        place_of(url)
    assert told in str(caught.value)


@pytest.mark.parametrize("command", [("peek", "plc", "coil:0"), ("scan", "modbus+rtu://ttyS0")])
def test_the_commands_refuse_it_with_exit_code_2(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, list(command))
    assert result.exit_code == 2
    assert "ENDPOINT" in result.stderr
