"""An address in the form of a table, for what does not fit into one line. Pure.

    { address = "holding:100:uint16*0.1", valid_min = 0, valid_max = 90, invalid = [0xFFFF] }
    { table = "holding", address = 100, kind = "uint32", order = "CDAB", scale = 0.001, counter = true }
    { table = "input", address = 40, kind = "bits", bits = "4-7" }
    { address = "holding:8:string6", texts = { RUN = 1, STOP = 0 } }

`address` is the number, with `table`, `kind` and the rest beside it, or the whole compact form.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from connectors.errors import AddressError
from connectors.modbus.address import Address, parse
from connectors.modbus.kinds import Kind, parse_kind
from connectors.modbus.rules import Rules, counter_modulus, texts_of

PLACE_KEYS = ("table", "kind", "order", "bit", "bits", "length", "scale", "offset")  # what the compact form says too
RULE_KEYS = ("valid_min", "valid_max", "invalid", "texts", "counter")
KEYS = ("address", *PLACE_KEYS, *RULE_KEYS)
ROLL_OVER_SHARE = 4  # counter = true: a step is believed up to this part of the modulus


def parse_table(given: Mapping[str, Any]) -> Address:
    """Read the form that the head of this file shows.

    Args:
        given: As TOML reads it. None counts as left out.

    Raises:
        AddressError: names the key at fault, the rule and the fix.
    """
    given = {key: value for key, value in given.items() if value is not None}
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            fix = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(KEYS)}."
            raise AddressError(key, "unknown key", fix)
    if "address" not in given:
        raise AddressError("address", "is required", "For example 100, or 'holding:100:uint16'.")
    text = _compact(given)
    return parse(text, _rules(given, text))


def _compact(given: Mapping[str, Any]) -> str:
    """The compact form of what is given; it is judged where that is read."""
    address = given["address"]
    if isinstance(address, str) and ":" in address:
        twice = [key for key in PLACE_KEYS if key in given]
        if twice:
            fix = "Write it there only, or give address as a number."
            raise AddressError(", ".join(twice), "the compact address beside it says that already", fix)
        return address
    if not isinstance(address, str) and (isinstance(address, bool) or not isinstance(address, int)):
        raise AddressError(f"address {address!r}", "must be a whole number", "Use a number from 0 to 65535.")
    for key in ("table", "kind", "order"):
        if not isinstance(given.get(key, ""), str):
            raise AddressError(f"{key} {given[key]!r}", "must be a text", "Put it in quotes.")
    if "table" not in given:
        raise AddressError("table", "is required beside a number", "One of coil, discrete, input, holding.")
    text = f"{given['table']}:{address}"
    kind = _kind(given)
    if kind or "order" in given:
        text += f":{kind}"
    if "order" in given:
        text += f":{given['order']}"
    if (scale := _number(given, "scale")) is not None:
        text += f"*{scale!r}"
    if (offset := _number(given, "offset")) is not None:
        text += f"{offset:+}"
    return text


def _kind(given: Mapping[str, Any]) -> str:
    """With the number of its bits or characters, wherever that is given."""
    name = str(given.get("kind", ""))
    for key, kind in (("bit", "bit"), ("bits", "bits"), ("length", "string")):
        if key not in given:
            continue
        if name not in (kind, "" if key != "length" else kind):
            raise AddressError(f"{key} {given[key]!r}", f"kind is {name!r}", f"Use kind {kind!r}, or leave {key} out.")
        return f"{kind}{given[key]}"
    return name


def _number(given: Mapping[str, Any], key: str) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AddressError(f"{key} {value!r}", "must be a finite number", "Leave it out where there is none.")
    return value


def _rules(given: Mapping[str, Any], text: str) -> Rules:
    low, high = _number(given, "valid_min"), _number(given, "valid_max")
    invalid = given.get("invalid", ())
    if not isinstance(invalid, list | tuple):
        invalid = (invalid,)
    if any(isinstance(raw, bool) or not isinstance(raw, int | float) for raw in invalid):
        raise AddressError(f"invalid {list(invalid)!r}", "must be a list of numbers", "For example [0xFFFF].")
    texts = given.get("texts", {})
    if not isinstance(texts, Mapping) or any(
        isinstance(number, bool) or not isinstance(number, int | float) for number in texts.values()
    ):
        raise AddressError(f"texts {texts!r}", "must give each text a number", "For example { RUN = 1, STOP = 0 }.")
    return Rules(
        -math.inf if low is None else low,
        math.inf if high is None else high,
        tuple(invalid),
        texts_of(texts),
        _counter(given.get("counter", False), text),
    )


def _counter(value: Any, text: str) -> int:
    """The largest step; true takes a part of the modulus of the kind."""
    if value is True:
        name = re.match(r"\w*:\w*:(\w+)", text.replace(" ", ""))
        found = parse_kind(name[1]) if name else None
        modulus = counter_modulus(found[0] if found else Kind.BOOL)
        return modulus // ROLL_OVER_SHARE or 1  # 1 of a kind that cannot count is refused by its rules
    if value is False:
        return 0
    if not isinstance(value, int) or value < 1:
        raise AddressError(f"counter {value!r}", "must be true or a whole number from 1", "true suits most counters.")
    return value
