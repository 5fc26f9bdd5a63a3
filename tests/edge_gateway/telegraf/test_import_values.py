"""What is imported reads the values that Telegraf would: every type in every byte order, against pymodbus's server.

The registers are packed here by what the letters of a byte order mean, A being the high byte, and by nothing of ours.
"""

from __future__ import annotations

import asyncio
import struct
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from connectors.modbus.decode import compile_decoder
from connectors.modbus.kinds import Table
from connectors.samples import Item, SampleBatch
from edge_gateway.config.load import load
from edge_gateway.config.toml_spots import spots
from edge_gateway.drivers import make_drivers
from edge_gateway.tables import tag_tables
from edge_gateway.telegraf.convert import convert
from edge_gateway.telegraf.modbus_field import of_other_styles, of_register_style

ORDERS = {
    1: ("AB", "BA"),
    2: ("ABCD", "CDAB", "BADC", "DCBA"),
    4: ("ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"),
}
SHORT = dict(zip(ORDERS[4], ORDERS[2], strict=True)) | {"AB": "ABCD", "BA": "DCBA"}  # as requests and metrics name them
KINDS = {  # type, format of struct, value, as of style "register"
    "INT16": ("h", -1234, "INT16"),
    "UINT16": ("H", 54321, "UINT16"),
    "INT32": ("i", -123456789, "INT32"),
    "UINT32": ("I", 3123456789, "UINT32"),
    "INT64": ("q", -1234567890123, "INT64"),
    "UINT64": ("Q", 1234567890123, "UINT64"),
    "FLOAT16": ("e", -1.5, "FLOAT16-IEEE"),
    "FLOAT32": ("f", 1234.5, "FLOAT32-IEEE"),
    "FLOAT64": ("d", -98765.4321, "FLOAT64-IEEE"),
}
FIXED = {
    ("FIXED", 1): "h",
    ("FIXED", 2): "i",
    ("FIXED", 4): "q",
    ("UFIXED", 1): "H",
    ("UFIXED", 2): "I",
    ("FLOAT32", 4): "Q",
}


@dataclass(frozen=True)
class Field:
    """A field, the registers below it, and the value that stands there."""

    name: str
    kind: str
    old_kind: str
    order: str
    words: tuple[int, ...]
    value: float


def wire(form: str, value: float, order: str) -> tuple[int, ...]:
    big = struct.pack(f">{form}", value)
    sent = bytes(big["ABCDEFGH".index(letter)] for letter in order)
    return struct.unpack(f">{len(sent) // 2}H", sent)


def fields() -> Iterator[Field]:
    for kind, (form, value, old) in KINDS.items():
        for order in ORDERS[struct.calcsize(form) // 2 or 1]:
            yield Field(f"{kind}.{order}", kind, old, order, wire(form, value, order), value)


FIELDS = list(fields())


def decoded(address: object, words: tuple[int, ...]) -> float:
    decoder = compile_decoder(address.register, [address])  # type: ignore[attr-defined]
    return float(decoder.decode(struct.pack(f">{len(words)}H", *words))[0])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_value_is_what_it_was(field: Field) -> None:
    old = {"data_type": field.old_kind, "byte_order": field.order, "scale": 1.0}
    address = of_register_style(Table.INPUT, {**old, "address": [*range(7, 7 + len(field.words))]})
    assert decoded(address, field.words) == field.value
    order = SHORT.get(field.order, field.order)
    address = of_other_styles(Table.HOLDING, {"type": field.kind, "address": 7, "scale": 0.5}, order)
    assert decoded(address, field.words) == field.value * 0.5


@pytest.mark.parametrize(("kind", "count"), FIXED)
def test_fixed_points_are_whole_numbers_on_the_wire(kind: str, count: int) -> None:
    form = FIXED[kind, count]
    value = -321 if form.islower() else 2 ** (16 * count) - 321
    for order in ORDERS[count]:
        old = {"data_type": kind, "byte_order": order, "scale": 0.5, "address": [*range(count)]}
        address = of_register_style(Table.HOLDING, old)
        assert decoded(address, wire(form, value, order)) == value * 0.5


@pytest.mark.parametrize(("order", "high"), [("ABCD", 0x81), ("DCBA", 0x7F), ("CDAB", 0x81), ("BADC", 0x7F)])
def test_bytes_and_bits_are_those_after_the_order(order: str, high: int) -> None:
    low = 0x81 ^ 0x7F ^ high
    signed = {0x81: -127, 0x7F: 127}
    for kind, byte in (("UINT8H", high), ("UINT8L", low), ("INT8H", signed[high]), ("INT8L", signed[low])):
        assert decoded(of_other_styles(Table.HOLDING, {"type": kind, "address": 0}, order), (0x817F,)) == byte
    for bit in range(16):
        field = {"type": "BIT", "address": 0, "bit": bit}
        assert decoded(of_other_styles(Table.HOLDING, field, order), (0x817F,)) == (high << 8 | low) >> bit & 1


HEAD = """
[[inputs.modbus]]
name = "d"
controller = "tcp://127.0.0.1:${{PORT}}"
interval = "50ms"
configuration_type = "{style}"
"""


def register_style() -> str:
    at, rows = 0, []
    for field in FIELDS:
        numbers = [*range(at, at + len(field.words))]
        about = f'byte_order = "{field.order}", data_type = "{field.old_kind}", scale = 1.0, address = {numbers}'
        rows.append(f'  {{ name = "{field.name}", {about} }},')
        at += len(field.words)
    return "slave_id = 1\nholding_registers = [\n" + "\n".join(rows) + "\n]\n"


def blocks(style: str) -> str:
    """One request or metric for each byte order."""
    at, rows = 0, {order: [] for order in ORDERS[2]}  # type: dict[str, list[str]]
    for field in FIELDS:
        order = SHORT.get(field.order, field.order)
        rows[order].append(f'{{ name = "{field.name}", type = "{field.kind}", address = {at} }}')
        at += len(field.words)
    head = f'[[inputs.modbus.{style}]]\nslave_id = 1\nbyte_order = "{{}}"\nfields = [\n'
    return "".join(head.format(order) + ",\n".join(these) + "\n]\n" for order, these in rows.items())


async def read(config: Path, words: list[int]) -> dict[str, float]:
    """Values of all tags, by the driver that the gateway would run, from a server with these holding registers."""
    data = [SimData(0, values=words, datatype=DataType.REGISTERS)]
    server = ModbusTcpServer([SimDevice(id=1, simdata=data)], address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        port = server.transport.sockets[0].getsockname()[1]
        whole = load(config, environ={"PORT": str(port)})
        tables = tag_tables(whole)
        (driver,) = make_drivers(whole, tables)
        found: dict[str, float] = {}
        complete = asyncio.Event()

        def emit(item: Item) -> None:
            if isinstance(item, SampleBatch):
                found.update(
                    (item.tags.names[tag], float(value))
                    for tag, value in zip(item.tag, item.value, strict=True)
                    if np.isfinite(value)
                )
            if len(found) == sum(len(table.names) for table in tables):
                complete.set()

        running = asyncio.create_task(driver.run(emit))
        try:
            await asyncio.wait_for(complete.wait(), 20)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return found
    finally:
        await server.shutdown()


@pytest.mark.integration
@pytest.mark.parametrize("style", ["register", "request", "metric"])
def test_the_gateway_reads_from_a_server_what_telegraf_would(style: str, tmp_path: Path) -> None:
    source = HEAD.format(style=style) + (register_style() if style == "register" else blocks(style))
    one = convert(tomllib.loads(source), spots(source), "s", "g", "telegraf.conf")
    path = tmp_path / "gateway.toml"
    path.write_text(one.text)
    found = asyncio.run(read(path, [word for field in FIELDS for word in field.words]))
    assert found == {field.name: field.value for field in FIELDS}
