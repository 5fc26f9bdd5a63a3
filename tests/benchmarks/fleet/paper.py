"""What a fleet costs, on paper, from what a gateway of it sends in a day. Prices are asked for, never assumed."""

from __future__ import annotations

from dataclasses import dataclass

_GB = 10**9
_DAYS = 30


@dataclass(frozen=True)
class Prices:
    """Of a store, in one currency.

    Attributes:
        put: Of 1,000 writing requests.
        gb_month: Of a GB kept for a month.
    """

    put: float
    gb_month: float


@dataclass(frozen=True)
class Paper:
    """A fleet for a month of 30 days.

    Attributes:
        gateways: In it.
        objects: A day; each is one PUT, and proves itself by the answer.
        size: Bytes a day.
        requests_cost: A month; None = no price was given.
        storage_cost: Of what a month has brought, for a month; None = the same.
    """

    gateways: int
    objects: float
    size: float
    requests_cost: float | None
    storage_cost: float | None


def on_paper(gateways: int, objects_each: float, bytes_each: float, prices: Prices | None) -> Paper:
    """Args: what one gateway sends in a day, on average."""
    objects, size = gateways * objects_each, gateways * bytes_each
    if prices is None:
        return Paper(gateways, objects, size, None, None)
    requests = objects * _DAYS / 1000 * prices.put
    return Paper(gateways, objects, size, requests, size * _DAYS / _GB * prices.gb_month)
