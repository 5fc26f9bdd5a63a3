"""One request of a person concerning an alarm, its file and its notice. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from connectors.samples import Notice, NoticeKind

ALL = "*"  # in place of an alarm's name: all alarms of the asset
MOST_COMMENT = 1000
_MOST_NAME = 200
_LATEST = 2**63 - 1


class Action(StrEnum):
    """What is asked."""

    ACKNOWLEDGE = "acknowledge"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request.

    Attributes:
        action: What is asked.
        asset: Whose alarm.
        alarm: Its name, or `ALL`.
        at: When it was asked, ns since the epoch.
        by: Who asks.
        comment: Any text of at most `MOST_COMMENT` characters.
        until: Of "shelve": when it ends by itself, ns since the epoch; 0 otherwise.
        alert: Of "acknowledge" and "reset": id of the opening that is meant; "" = the one that was open when asked.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    action: Action
    asset: str
    alarm: str
    at: int
    by: str
    comment: str = ""
    until: int = 0
    alert: str = ""

    def __post_init__(self) -> None:
        for field in ("asset", "alarm", "by"):
            name = getattr(self, field)
            if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME or not name.isprintable():
                raise _refuse(field, name, f"must be 1 to {_MOST_NAME} printable characters", "write such a name")
        if not isinstance(self.alert, str) or len(self.alert) > _MOST_NAME or not (self.alert + "-").isprintable():
            rule = f"must be at most {_MOST_NAME} printable characters"
            raise _refuse("alert", self.alert, rule, "write the id of an alert, or leave it out")
        if not isinstance(self.comment, str) or len(self.comment) > MOST_COMMENT or not _is_unicode(self.comment):
            rule = f"must be a text of at most {MOST_COMMENT} characters"
            raise _refuse("comment", self.comment, rule, "say it in fewer words")
        if type(self.at) is not int or not 0 < self.at <= _LATEST:
            raise _refuse("at", self.at, "must be a time in ns since 1970", "give the time of asking")
        is_shelve = self.action is Action.SHELVE
        if type(self.until) is not int or not (self.at < self.until <= _LATEST if is_shelve else self.until == 0):
            rule = "must be later than the asking" if is_shelve else f"says nothing for {self.action}"
            raise _refuse("until", self.until, rule, "give its end in ns since 1970" if is_shelve else "leave it out")

    def encode(self) -> bytes:
        """As a command file."""
        return json.dumps(asdict(self)).encode()

    def notice(self) -> Notice:
        """As it goes into the journal."""
        detail = {"alarm": self.alarm, "comment": self.comment}
        if self.alert:
            detail["alert"] = self.alert
        return Notice(
            NoticeKind.COMMAND,
            self.asset,
            self.action.value,
            self.at,
            self.until or self.at,
            0,
            self.by,
            json.dumps(detail),
        )


def decode_command(data: bytes) -> Command:
    """Inverse of `Command.encode`.

    Raises:
        ValueError: It is no command; names what is wrong.
    """
    try:
        fields = json.loads(data)
        return Command(**{**fields, "action": Action(fields["action"])})
    except KeyError as error:
        raise _refuse("action", None, "is missing", f"one of {', '.join(Action)}") from error
    except (TypeError, RecursionError) as error:
        msg = f"is no command: {error}; write a JSON object with the fields that `sluicegate alerts` writes"
        raise ValueError(msg) from error


def _refuse(field: str, value: object, rule: str, fix: str) -> ValueError:
    shown = repr(value)
    return ValueError(f"{field} = {shown if len(shown) <= 80 else shown[:77] + '...'}: {rule}; {fix}")


def _is_unicode(text: str) -> bool:
    """JSON can hold half of a surrogate pair, which no file or database takes later."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
