"""What a person asks of an alarm, read from the notice that carries it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from connectors.samples import Notice

ACKNOWLEDGE, SHELVE, UNSHELVE, RESET = "acknowledge", "shelve", "unshelve", "reset"
ALL = "*"


@dataclass(frozen=True, slots=True)
class Command:
    """One wish.

    Attributes:
        what: "acknowledge", "shelve", "unshelve" or "reset".
        alarm: Its name; "*" = all of the asset.
        asked_at: ns since the epoch, by the clock of the gateway.
        lasts: For which to shelve, ns.
        by: Who asked.
        comment: Why.
        alert: Id of the opening that is meant; "" = the one that was open when asked.
    """

    what: str
    alarm: str
    asked_at: int
    lasts: int
    by: str
    comment: str
    alert: str = ""


def read_command(notice: Notice) -> Command:
    """The command in a notice of kind COMMAND.

    Raises:
        ValueError: It makes no sense; says why.
    """
    if notice.reason not in (ACKNOWLEDGE, SHELVE, UNSHELVE, RESET):
        msg = f"{notice.reason!r} is nothing that can be asked of an alarm"
        raise ValueError(msg)
    if notice.reason == SHELVE and notice.end <= notice.start:
        msg = "an alarm can be shelved only until a time to come"
        raise ValueError(msg)
    try:
        detail = json.loads(notice.detail)
        alarm, comment, alert = detail["alarm"], detail.get("comment", ""), detail.get("alert", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"it does not say which alarm it means ({error!r})"
        raise ValueError(msg) from error
    lasts = notice.end - notice.start
    return Command(notice.reason, str(alarm), notice.start, lasts, notice.source, str(comment), str(alert))
