"""What a case expects: `expected.toml`, read and written."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from cloud_sink.records import Alert
from edge_gateway.config.toml_text import toml_text
from edge_gateway.config.units import Duration
from edge_gateway.times import utc_text

FILE = "expected.toml"
RECORDINGS = ("recording.parquet", "recording.csv")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TABLE = re.compile(r"^\[\[alerts\]\]", re.MULTILINE)
_HEAD = """\
# Alarms that this recording must raise, and no others. `sluicegate test --update` writes them again.
tolerance = "1s"
"""


class CaseRefused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A folder is no case, or says what cannot be."""


def _ns(value: object) -> int:
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if not isinstance(value, dt.datetime):
        msg = "must be a time such as 2026-01-31T08:15:00Z"
        raise ValueError(msg)
    return ((value if value.tzinfo else value.replace(tzinfo=dt.UTC)) - _EPOCH) // dt.timedelta(microseconds=1) * 1000


_Time = Annotated[int, BeforeValidator(_ns)]


class ExpectedAlert(BaseModel):
    """One transition of one alarm.

    Attributes:
        asset: Of the alarm.
        rule: "anomaly", "data_quality", or a rule's alarm such as "bearing.HH".
        opened_at: Event time of the opening, ns.
        state: What happened.
        at: Event time of it, ns; None = not looked at; of an opening it is `opened_at`.
        tag: None = not looked at.
        severity: None = not looked at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    asset: str
    rule: str
    opened_at: _Time
    state: str = "opened"
    at: _Time | None = None
    tag: str | None = None
    severity: str | None = None


class Expected(BaseModel):
    """A whole file.

    Attributes:
        gateway: Configuration, beside the file.
        recording: None = `recording.parquet` or `recording.csv`.
        asset: Whose samples a table holds; None = those of the only asset.
        tolerance: How far times may be off.
        states: Transitions that are looked at.
        allow_others: Alarms that are not listed may come.
        alerts: Expected ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    gateway: str = "gateway.toml"
    recording: str | None = None
    asset: str | None = None
    tolerance: Duration = dt.timedelta(seconds=1)
    states: tuple[str, ...] = ("opened",)
    allow_others: bool = False
    alerts: tuple[ExpectedAlert, ...] = ()

    @property
    def tolerance_ns(self) -> int:
        """`tolerance` in ns."""
        return self.tolerance // dt.timedelta(microseconds=1) * 1000


def read_expected(path: Path) -> Expected:
    """Of a file.

    Raises:
        CaseRefused: With file, key, rule.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return Expected.model_validate(data)
    except OSError as error:
        raise CaseRefused(f"{path}: cannot be read: {error.strerror}; --update writes it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CaseRefused(f"{path}: is not TOML: {error}") from error
    except ValidationError as error:
        told = "; ".join(f"{_where(one['loc'])}: {one['msg']}" for one in error.errors())
        raise CaseRefused(f"{path}: {told}") from error


def write_expected(path: Path, alerts: Sequence[Alert]) -> None:
    """Put what came in the place of what was expected; all above the first `[[alerts]]` stays as it is."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = _HEAD
    found = _TABLE.search(text)
    head = (text if found is None else text[: found.start()]).rstrip("\n")
    path.write_text("\n".join([head, *map(_table, alerts)]) + "\n", encoding="utf-8")


def _table(alert: Alert) -> str:
    at = "" if alert.state == "opened" else f"at = {utc_text(alert.at)}\n"
    tag = f"tag = {toml_text(alert.tag)}\n" if alert.tag else ""
    return (
        f"\n[[alerts]]\nasset = {toml_text(alert.asset)}\nrule = {toml_text(alert.rule)}\n{tag}"
        f"state = {toml_text(alert.state)}\nseverity = {toml_text(alert.severity)}\n"
        f"opened_at = {utc_text(alert.opened_at)}\n{at}"
    ).rstrip("\n")


def _where(location: tuple[Any, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
