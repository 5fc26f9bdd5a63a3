"""From what turned to what is told."""

from __future__ import annotations

from collections.abc import Iterable

from cloud_sink.evidence import Evidence
from connectors.tags import TagTable
from flows.conditions import Change
from flows.rules.arrivals import Arrivals
from flows.rules.recent import Recent
from flows.rules.trace import evidence
from flows.rules.watcher import MISSING, Move, Watcher

_NAN = float("nan")


def tell(
    moves: Iterable[tuple[Watcher, Move]],
    tags: TagTable,
    received: int,
    arrivals: Arrivals | None = None,
    recent: Recent | None = None,
) -> list[Change]:
    """Changes in order of arrival, then of the rules.

    Args:
        moves: Those of one watcher in their order.
        tags: Names and units.
        received: Of the block.
        arrivals: What evidence is cut from.
        recent: The same, with what came before.
    """
    shown: dict[tuple[int, ...], Evidence | None] = {}
    changes = []
    for watcher, move in sorted(moves, key=lambda row: (row[1].place, row[0].order)):
        look = None
        if move.active and arrivals is not None and recent is not None:
            if watcher.numbers not in shown:
                shown[watcher.numbers] = evidence(tags, watcher.numbers, arrivals, recent)
            look = shown[watcher.numbers]
        detail = watcher.explain(move, tuple(_unit(tags, number) for number in watcher.numbers))
        changes.append(Change(watcher.name, move.active, move.at, received, move.value, move.limit, detail, look))
    return changes


def ended(name: str, at: int, received: int) -> Change:
    """The condition of a rule that is configured no more."""
    detail = "The rule is not configured any more."
    return Change(name, active=False, at=at, received_time=received, value=_NAN, limit=_NAN, detail=detail)


def _unit(tags: TagTable, number: int) -> str:
    unit = "" if number == MISSING else tags.tags[number].unit
    return f" {unit}" if unit else ""
