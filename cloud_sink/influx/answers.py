"""What an InfluxDB means by its answer to a write. Pure.

A write of many lines may succeed in part, and every version says so in its own words: 1.x and 2.x with a sentence,
3.x with a list of lines. Lines that were refused will be refused for ever (older than the retention, another type of
field); they are counted by reason and never sent again, or they would stand before all that follow. Sentences: InfluxDB
1.6.7, seen; 2.x and 3.x as documented ("Troubleshoot issues writing data").
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto


class Then(Enum):
    """What to do."""

    DONE = auto()  # what could be written is written
    SPLIT = auto()  # something in it is refused, or it is too large: send the halves
    RETRY = auto()
    HOLD = auto()  # a person has to mend it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and what was lost.

    Attributes:
        then: What to do.
        reason: Of a bounded set, for metrics; "" = all is well.
        refused: Lines that the server will never take, by reason.
    """

    then: Then
    reason: str = ""
    refused: Counter[str] = field(default_factory=Counter)


_DROPPED = re.compile(r"dropped=(\d+)")

# Part of the sentence -> reason.
_WORDS = (
    ("beyond retention policy", "retention"),
    ("outside retention policy", "retention"),
    ("retention", "retention"),
    ("field type conflict", "type_conflict"),
    ("column type", "type_conflict"),  # 3.x: "invalid column type for column"
    ("max-series", "cardinality"),
    ("max-values-per-tag", "cardinality"),
    ("unable to parse", "unreadable"),
)


def judge(status: int, body: str) -> Verdict:
    """What an answer means.

    Args:
        status: HTTP status, 0 = nothing came; only 204 is a success, since what stands in between (a log-in page) says
            200.
        body: Of the answer, as text; may be anything.
    """
    if status == 204:
        return Verdict(Then.DONE)
    match status:
        case 0:
            return Verdict(Then.RETRY, "unreachable")
        case 401 | 403:
            return Verdict(Then.HOLD, "credentials")
        case 404:
            return Verdict(Then.HOLD, "database_missing")
        case 413:
            return Verdict(Then.SPLIT, "too_large")
        case 400 | 422:
            return _refusal(body)
        case 429:
            return Verdict(Then.RETRY, "throttled")
        case _ if 200 <= status < 400:
            return Verdict(Then.RETRY, "portal")
        case _ if 400 <= status < 500:
            return Verdict(Then.HOLD, "protocol")
    return Verdict(Then.RETRY, "server_error")


def _refusal(body: str) -> Verdict:
    said, lines = _sentence(body)
    if lines:  # 3.x names each line that it refused, and has written the others
        return Verdict(Then.DONE, "refused", Counter(map(_reason, lines)))
    if "partial write" in said and (found := _DROPPED.search(said)):
        refused = Counter({_reason(said): int(found[1])})
        if unreadable := said.count("unable to parse '"):  # each on its own, and not in `dropped`
            refused["unreadable"] = unreadable
        return Verdict(Then.DONE, "refused", +refused)
    return Verdict(Then.SPLIT, _reason(said))


def _sentence(body: str) -> tuple[str, list[str]]:
    """What is said, and of which lines, one sentence each."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body, []
    if not isinstance(found, dict):
        return body, []
    said = str(found.get("error") or found.get("message") or body)
    lines = found.get("data")
    if not isinstance(lines, list):
        return said, []
    return said, [str(one.get("error_message", "")) if isinstance(one, dict) else str(one) for one in lines]


def _reason(said: str) -> str:
    return next((reason for words, reason in _WORDS if words in said), "refused")
