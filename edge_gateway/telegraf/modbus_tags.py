"""The fields of an `[[inputs.modbus]]`, of any of its three styles of configuration, as tags of units. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.modbus.address import Address
from connectors.modbus.kinds import Table
from edge_gateway.config.toml_spots import Steps
from edge_gateway.telegraf.modbus_field import NotTakenError, of_other_styles, of_register_style
from edge_gateway.telegraf.notes import Fate, Notes
from edge_gateway.telegraf.values import Given, tables

REGISTER_STYLE = {
    "coils": Table.COIL,
    "discrete_inputs": Table.DISCRETE,
    "input_registers": Table.INPUT,
    "holding_registers": Table.HOLDING,
}
PLANNING = "the gateway plans its requests over all tags of a unit: `sluicegate plan`"
_OUTPUT = "all values are float64; a fraction that Telegraf cuts off is kept"
_BLOCK_REASONS = {
    "measurement": "the name of a measurement has no like here",
    "optimization": PLANNING,
    "optimization_max_register_fill": PLANNING,
}
_OF_FIELD = {"name", "address", "type", "data_type", "register", "byte_order", "scale", "bit"} | {
    *("output", "measurement", "omit")  # spoken of where they matter
}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as it stands there.

    Attributes:
        steps: Where.
        entry: Its table.
        unit: Whatever the slave_id is said to be.
        table: Which of the four; None = what it says is none.
        order: Byte order of the block that it stands in.
        group: What tells two fields of one name apart.
    """

    steps: Steps
    entry: Mapping[str, Any]
    unit: Any
    table: Table | None
    order: object
    group: str


@dataclass(slots=True)
class Units:
    """What comes of all fields.

    Attributes:
        notes: What became of each is added here.
        serial: 0 and what is above 247 are no units there.
        tags: By unit, as gateway.toml has them.
        seen: Fields that Telegraf acquires.
    """

    notes: Notes
    serial: bool
    tags: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    seen: int = 0
    _names: dict[str, Given] = field(default_factory=dict)

    def take(self, steps: Steps, table: Mapping[str, Any], device: str) -> None:
        """All of an input.

        Args:
            steps: Of the input.
            table: It.
            device: The asset; where there are several units, the beginning of its name.
        """
        fields = list(_fields(steps, table, self.notes))
        several = len({str(one.unit) for one in fields}) > 1
        for one in fields:
            name = str(one.entry.get("name", ""))
            if one.entry.get("omit"):
                self.notes.add(one.steps, Fate.LEFT, "omitted there too; the gateway plans its requests itself", name)
                continue
            self.seen += 1
            try:
                address = self._address(one, name)
            except NotTakenError as refused:
                self.notes.add(one.steps, Fate.LEFT, str(refused), name)
                continue
            self._add(one, name, f"{device[:58]}-{one.unit}" if several else device, address)

    def _address(self, one: _Field, name: str) -> Address:
        if not name:
            raise NotTakenError("it has no name")
        if type(one.unit) is not int or not 0 <= one.unit <= 255:
            msg = f"slave_id {one.unit!r} is no number from 0 to 255"
            raise NotTakenError(msg)
        if self.serial and not 1 <= one.unit <= 247:
            msg = f"slave_id {one.unit} is no single unit of a serial line: these are 1 to 247"
            raise NotTakenError(msg)
        if one.table is None:
            msg = f"register {one.entry.get('register')!r} is not known"
            raise NotTakenError(msg)
        if isinstance(one.entry.get("address"), list):
            return of_register_style(one.table, one.entry)
        return of_other_styles(one.table, one.entry, one.order)

    def _add(self, one: _Field, name: str, asset: str, address: Address) -> None:
        tag = self._names.setdefault(asset, Given()).name(name, f"{one.group}.{name}")
        if tag != name:
            self.notes.add(one.steps, Fate.CHANGED, f"tag {tag!r}: the name was taken, or is none of ours", name)
        if one.entry.get("output") in ("INT64", "UINT64") and address.scale != 1:
            self.notes.add((*one.steps, "output"), Fate.CHANGED, _OUTPUT, name)
        self.notes.rest(one.steps, one.entry, _OF_FIELD, {})
        self.tags.setdefault(one.unit, []).append({"asset": asset, "tag": tag, "address": str(address)})


def _fields(steps: Steps, table: Mapping[str, Any], notes: Notes) -> Iterator[_Field]:
    """Every field of the style in use; of the others is told that Telegraf passes over them."""
    style = str(table.get("configuration_type") or "register")
    used = set(REGISTER_STYLE) if style == "register" else {style}
    for other in table:
        if other in {*REGISTER_STYLE, "request", "metric"} - used:
            notes.add((*steps, other), Fate.LEFT, f"Telegraf does not read it in style {style!r}")
    if style == "register":
        for key, of in REGISTER_STYLE.items():
            for number, entry in enumerate(tables(table.get(key))):
                group = str(entry.get("measurement") or key)
                yield _Field((*steps, key, number), entry, table.get("slave_id", 0), of, "", group)
        return
    for number, block in enumerate(tables(table.get(style)) if style in ("request", "metric") else ()):
        at = (*steps, style, number)
        notes.rest(at, block, {"slave_id", "byte_order", "register", "fields"}, _BLOCK_REASONS)
        for place, entry in enumerate(tables(block.get("fields"))):
            register = entry.get("register", block.get("register")) or "holding"
            of_field = Table(register) if register in list(Table) else None
            group = str(entry.get("measurement") or block.get("measurement") or style)
            unit, order = block.get("slave_id", 0), block.get("byte_order", "")
            yield _Field((*at, "fields", place), entry, unit, of_field, order, group)
