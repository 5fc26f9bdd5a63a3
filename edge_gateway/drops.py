"""What was let go anywhere in the gateway, by stage and reason: one account for dashboards of both kinds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


def drops(
    acquire: Mapping[str, Any], flow: Mapping[str, Any], deliver: Mapping[str, Any]
) -> dict[tuple[str, str], int]:
    """Counts by (stage, reason), sorted; samples of intake and flow, records of outbox, lines of influx.

    Args:
        acquire: Status of the process; {} = there is none.
        flow: The same.
        deliver: The same.
    """
    found: Counter[tuple[str, str]] = Counter()
    found["intake", "full"] = int(acquire.get("dropped", 0))
    found["intake", "refused"] = int(acquire.get("refused", 0))
    for account in flow.get("accounts", {}).values():
        for reason, count in account["dropped"].items():
            found["flow", reason] += int(count)
    for name, count in deliver.get("losses", {}).items():
        found["outbox", name] += int(count)
    for one in deliver.get("influx", {}).values():
        for kind in ("dropped", "refused", "missed"):
            for reason, count in one[kind].items():
                found["influx", f"{kind}/{reason}"] += int(count)
    return dict(sorted(found.items()))
