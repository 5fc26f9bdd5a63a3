"""What came of the reloads: a small file that the command waits for, the page shows and the flow tells as events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_gateway.reload.changes import Part
from edge_gateway.reload.in_force import put

ACCEPTED, SAME, REFUSED = "accepted", "unchanged", "refused"
_NAME, _KEPT = "reloads.json", 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one reload.

    Attributes:
        number: Counts up in this data folder.
        began: Monotonic, ns: a command that asked before this was heard.
        at: Wall clock when it ended, ns.
        result: One of the words above.
        generation: In force since then.
        parts: What became of each; () where it is refused.
        refusal: What is wrong, for people; "" = nothing.
        brief: The same without values.
        silent: Processes that had not said in time which configuration they run by.
    """

    number: int
    began: int
    at: int
    result: str
    generation: int
    parts: tuple[Part, ...] = ()
    refusal: str = ""
    brief: str = ""
    silent: tuple[str, ...] = ()

    def told(self) -> str:
        """In a sentence or two, for a record."""
        if self.result == REFUSED:
            return f"Refused, and the configuration of before goes on: {self.brief}."
        parts = [f"{part.name} {part.what}" for part in self.parts if part.what != "unchanged"]
        return f"Generation {self.generation} is in force: {', '.join(parts) or 'nothing changed'}."


def read_outcomes(folder: Path) -> list[Outcome]:
    """The last ones, oldest first; [] where there is none."""
    try:
        found = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        return [_outcome(one) for one in found]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def add_outcome(folder: Path, outcome: Outcome) -> None:
    """Keep one more.

    Raises:
        OSError: The disk refuses.
    """
    kept: Sequence[Outcome] = [*read_outcomes(folder), outcome][-_KEPT:]
    put(folder / _NAME, json.dumps([asdict(one) for one in kept]).encode())


def _outcome(data: dict[str, Any]) -> Outcome:
    parts = tuple(Part(one["name"], one["what"], tuple(one["roles"])) for one in data["parts"])
    return Outcome(**{**data, "parts": parts, "silent": tuple(data["silent"])})
