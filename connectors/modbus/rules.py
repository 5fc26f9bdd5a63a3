"""What a raw value is held against before it counts as one. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.errors import AddressError
from connectors.modbus.kinds import Kind


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one address; nothing is held against it where nothing is said.

    Attributes:
        valid_min: In the engineering unit. Below it the value stays and its status is uncertain.
        valid_max: In the engineering unit. Above it likewise.
        invalid: Raw numbers, before scaling, by which the device says that it has no value (SunSpec: 0x8000 for int16,
            0xFFFF for uint16, ...). Of a signed kind also as the bits read without a sign: 0x8000 and -32768 are one.
        texts: For strings, which alone have and need them: what each text means as a number.
        counter: Largest step in raw counts that one poll to the next may bring, for a counter that rolls over; 0 for
            everything else. See `rollover.py`.
    """

    valid_min: float = -math.inf
    valid_max: float = math.inf
    invalid: tuple[float, ...] = ()
    texts: tuple[tuple[str, float], ...] = ()
    counter: int = 0

    def check(self, kind: Kind, bits: int) -> None:
        """Find what cannot be.

        Args:
            kind: Of the address.
            bits: Of a bit field.

        Raises:
            AddressError: names the rule and the fix.
        """
        if not self.valid_min <= self.valid_max or math.inf in (self.valid_min, -self.valid_max):
            value = f"valid_min {self.valid_min:g}, valid_max {self.valid_max:g}"
            raise AddressError(value, "no value could be valid", "Let valid_min be the smaller one.")
        self._check_texts(kind)
        if self.invalid and kind in (Kind.BOOL, Kind.BIT, Kind.STRING):
            fix = "Leave it out." if kind is not Kind.STRING else "Leave that text out of texts: it then has no value."
            raise AddressError(f"invalid for {kind.value}", "only numbers have raw values that are none", fix)
        for raw in self.invalid:
            low, high = raw_range(kind, bits)
            if not low <= raw <= high or (raw != int(raw) and not kind.is_float):
                rule = f"must be {'a number' if kind.is_float else 'whole'}, {low:g}..{high:g}"
                raise AddressError(f"invalid {raw:g} for {kind.value}", rule, "Give the raw number, before scaling.")
        if self.counter and counter_modulus(kind) == 0:
            fix = "Use uint16, uint32, uint64 or a BCD kind, or leave counter out."
            raise AddressError(f"counter for {kind.value}", "only numbers without a sign count up and roll over", fix)
        if self.counter and not 0 < self.counter < counter_modulus(kind):
            rule = f"must be 1..{counter_modulus(kind) - 1}"
            raise AddressError(f"counter {self.counter} for {kind.value}", rule, "Give the largest step in raw counts.")

    def _check_texts(self, kind: Kind) -> None:
        if (kind is Kind.STRING) != bool(self.texts):
            if self.texts:
                raise AddressError(
                    f"texts for {kind.value}", "only strings have texts", "Use kind string8, or no texts."
                )
            fix = 'Write the address as a table with texts, for example { "RUN" = 1, "STOP" = 0 }.'
            raise AddressError("string without texts", "a sample is a number: say what each text means", fix)
        for text, number in self.texts:
            if not text.strip(" \0") or not text.isascii() or text != text.rstrip(" \0") or "\0" in text:
                rule = "must be ASCII, not empty, without trailing spaces and without NUL"
                raise AddressError(f"text {text!r}", rule, "Padding at the end is ignored anyway.")
            if not math.isfinite(number):
                raise AddressError(
                    f"text {text!r} = {number}", "must be finite", "An unknown text has no value anyway."
                )


NO_RULES = Rules()


def raw_range(kind: Kind, bits: int) -> tuple[float, float]:
    """Least and greatest raw number, signed kinds read with and without their sign.

    Args:
        kind: Not bool, bit or string.
        bits: Of a bit field.
    """
    if kind.is_float:
        return -math.inf, math.inf
    if kind is Kind.BITS:
        return 0, 2**bits - 1
    if kind.is_bcd:
        return 0, counter_modulus(kind) - 1
    size = 8 if "8" in kind.value else 16 * kind.width
    return (-(2 ** (size - 1)) if kind.is_signed else 0), 2**size - 1


def counter_modulus(kind: Kind) -> int:
    """Where a counter of that kind begins anew; 0 for kinds that do not count."""
    if kind.is_bcd:
        return int(10 ** (4 * kind.width))
    return int(2 ** (16 * kind.width)) if kind in (Kind.UINT16, Kind.UINT32, Kind.UINT64) else 0


def texts_of(mapping: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """The texts of a string as `Rules` keeps them."""
    return tuple((text, float(number)) for text, number in mapping.items())
