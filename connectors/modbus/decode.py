"""Reply bytes to float64 columns and status codes, a whole block at a time. Pure.

What there is to know about a block is compiled once: which bytes, in which order, make the values of each kind.
Decoding is then one view and one conversion per kind, scaling, and one look at whether all is well. Where the values of
a kind do not lie at even distances in an order that numpy reads, their bytes are gathered first, all in one go. Only
where something is not well, or where the addresses have rules, is more done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address
from connectors.modbus.judge import Judge, Sentinels
from connectors.modbus.kinds import Kind
from connectors.modbus.layout import Layout, even_layout, gathered_layout, native_bytes, rank, target_of
from connectors.modbus.raw import Convert, converter

Values = NDArray[np.float64]
Status = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Run:
    """Values of one kind: where they are, what becomes of them, and where they go."""

    layout: Layout
    target: slice | NDArray[np.intp]
    convert: Convert | None
    sentinels: Sentinels | None


class RegisterDecoder:
    """Decodes the replies to one request for registers."""

    def __init__(self, start: int, addresses: Sequence[Address]) -> None:
        """Compile.

        Args:
            start: First register of the request.
            addresses: Register values that lie within it, in the order in which they shall come out.
        """
        self._n = len(addresses)
        by_kind: dict[tuple[Kind, int], list[int]] = {}
        for i in sorted(range(self._n), key=lambda i: rank(addresses[i])):
            length = addresses[i].length if addresses[i].kind is Kind.STRING else 1
            by_kind.setdefault((addresses[i].kind, length), []).append(i)
        gather: list[int] = []
        self._runs: list[_Run] = []
        for (kind, _), members in by_kind.items():
            run = [addresses[i] for i in members]
            rules = (target_of(members), converter(kind, run), Sentinels.of(run, members))
            sources = [native_bytes(address, start) for address in run]
            layout = even_layout(kind, sources)
            if layout is None:
                layout = gathered_layout(kind, sources, len(gather))
                gather += (byte for source in sources for byte in source)
            self._runs.append(_Run(layout, *rules))
        self._gather = np.array(gather, dtype=np.intp) if gather else None
        self._scaling = _Scaling(addresses)
        self._judge = Judge(addresses)
        # Infinities, signalling NaNs and overflow are no news: what comes of them is judged. Numpy is asked to keep
        # quiet only where there can be any, since that costs as much as a conversion.
        self._may_complain = self._scaling.scales or any(kind.is_float for kind, _ in by_kind)

    def decode(self, payload: bytes) -> Values:
        """Values in engineering units, in the order of the addresses. Infinities come through as they are.

        NaN where the device sends it, where a raw value is declared invalid, and where the bits are no value of the
        kind (a BCD digit above 9, an unknown text). Integers beyond 2**53 are rounded to the nearest float64.

        Args:
            payload: The registers as they came, two bytes each; the master has checked their number.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self._values(payload)[0]

    def decode_with_status(self, payload: bytes) -> tuple[Values, Status]:
        """Values, NaN where there is none, and the status code of each.

        Args:
            payload: As for `decode`.

        Returns:
            Values and codes in the order of the addresses. The codes may be shared and read-only.
        """
        if not self._may_complain:
            return self._judge.verdict(*self._values(payload))
        with np.errstate(over="ignore", invalid="ignore"):
            return self._judge.verdict(*self._values(payload))

    def _values(self, payload: bytes) -> tuple[Values, NDArray[np.intp] | None]:
        """Values, and the positions of those whose bits are no value of their kind."""
        gathered = None if self._gather is None else np.frombuffer(payload, dtype=np.uint8)[self._gather]
        if len(self._runs) == 1:
            run = self._runs[0]
            if run.convert is None and run.sentinels is None and isinstance(run.target, slice):
                return self._scaling.apply(run.layout.view(payload, gathered).astype(np.float64)), None
        values = np.empty(self._n, dtype=np.float64)
        mismatched: NDArray[np.intp] | None = None
        for run in self._runs:
            raw = run.layout.view(payload, gathered)
            if run.convert is None:
                values[run.target] = raw
            else:
                raw, wrong = run.convert(raw)
                values[run.target] = raw
                if wrong is not None and wrong.any():
                    rows = np.arange(self._n)[run.target][wrong]
                    values[rows] = np.nan
                    mismatched = rows if mismatched is None else np.concatenate([mismatched, rows])
            if run.sentinels is not None:
                values[run.sentinels.hits(raw)] = np.nan
        return self._scaling.apply(values), mismatched


class BitDecoder:
    """Decodes the replies to one request for coils or discrete inputs."""

    def __init__(self, start: int, addresses: Sequence[Address]) -> None:
        """Compile; arguments as in `RegisterDecoder`."""
        self._gather = np.array([address.register - start for address in addresses], dtype=np.intp)
        self._scaling = _Scaling(addresses)
        self._judge = Judge(addresses)

    def decode(self, payload: bytes) -> Values:
        """0.0 or 1.0 (then scaled) in the order of the addresses.

        Args:
            payload: The bits as they came, the first one in the lowest bit of the first byte (V1.1b3, 6.1).
        """
        bits = np.unpackbits(np.frombuffer(payload, dtype=np.uint8), bitorder="little")
        with np.errstate(over="ignore", invalid="ignore"):
            return self._scaling.apply(bits[self._gather].astype(np.float64))

    def decode_with_status(self, payload: bytes) -> tuple[Values, Status]:
        """See `RegisterDecoder`."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._judge.verdict(self.decode(payload), None)


Decoder = RegisterDecoder | BitDecoder


def compile_decoder(start: int, addresses: Sequence[Address]) -> Decoder:
    """The decoder of one request.

    Args:
        start: First address of the request.
        addresses: At least one, all of one table and within the request.
    """
    return BitDecoder(start, addresses) if addresses[0].table.of_bits else RegisterDecoder(start, addresses)


class _Scaling:
    """Scale and offset of a block; skipped where no address has any."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        scale = np.array([address.scale for address in addresses], dtype=np.float64)
        offset = np.array([address.offset for address in addresses], dtype=np.float64)
        self._scale = scale if (scale != 1).any() else None
        self._offset = offset if (offset != 0).any() else None

    @property
    def scales(self) -> bool:
        """Whether `apply` does anything."""
        return self._scale is not None or self._offset is not None

    def apply(self, values: Values) -> Values:
        """Scale in place. Overflow gives an infinity, which is reported as bad, and a complaint of numpy."""
        if self._scale is not None:
            values *= self._scale
        if self._offset is not None:
            values += self._offset
        return values
