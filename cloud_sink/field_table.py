"""Makes the table of every field that can leave the site, in this README: `python -m cloud_sink.field_table`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cloud_sink.schema import (
    ALERT_FIELDS,
    EVENT_FIELDS,
    FOOTERS,
    KEY_PARTS,
    SUMMARY_FURTHER,
    SUMMARY_HEAD,
    SUMMARY_SKETCH,
    SUMMARY_TAIL,
    Field,
    Type,
)

BEGIN, END = "<!-- fields: made by python -m cloud_sink.field_table -->", "<!-- end of fields -->"
_FEATURE = Field(
    "*one for each feature*",
    Type.REAL,
    "Of the set under `[features]`, computed from the window's samples; null = the asset does not have it, NaN = "
    "there was no good sample.",
)
_PARTS = (
    ("In the key of every object", KEY_PARTS),
    (
        "Summaries: a row for each asset, tag and window",
        (*SUMMARY_HEAD, _FEATURE, *SUMMARY_TAIL, *SUMMARY_FURTHER, *SUMMARY_SKETCH),
    ),
    ("Summaries: in the footer of the file", FOOTERS),
    ("Alerts: a line of JSON for each change of an alarm", ALERT_FIELDS),
    ("Events: a line of JSON each", EVENT_FIELDS),
)


def field_table() -> str:
    """All of it, as Markdown."""
    return "\n".join(line for title, fields in _PARTS for line in _part(title, fields))


def with_table(readme: str) -> str:
    """The README with the table as it is to be."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n\n{field_table()}\n{END}{rest.split(END)[1]}"


def _part(title: str, fields: Sequence[Field]) -> list[str]:
    rows = [f"| {_name(field)} | {_type(field)} | {field.meaning} |" for field in fields]
    return [f"**{title}**", "", "| Field | Type | Meaning |", "|---|---|---|", *rows, ""]


def _name(field: Field) -> str:
    return field.name if field.name.startswith("*") else f"`{field.name}`"


def _type(field: Field) -> str:
    return field.type if field.since == 1 else f"{field.type}; since schema {field.since}"


if __name__ == "__main__":
    path = Path(__file__).with_name("README.md")
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
