"""Writes the metrics into `OBSERVE.md`, and lists the log events there: `python -m edge_gateway.observed`."""

from __future__ import annotations

from pathlib import Path

from edge_gateway.metrics.table import METRICS

PAGE = Path(__file__).parent / "OBSERVE.md"
_BEGIN, _END = "<!-- metrics: python -m edge_gateway.observed -->\n", "<!-- /metrics -->\n"


def metric_rows() -> str:
    """The table of metrics, as Markdown."""
    head = "| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n"
    rows = (
        f"| `{one.name}` | {one.kind} | {', '.join(one.labels)} | {one.unit} | {one.meaning} |\n" for one in METRICS
    )
    return head + "".join(rows)


def with_metrics(text: str) -> str:
    """The page with the table as it is now."""
    before, rest = text.split(_BEGIN)
    return before + _BEGIN + metric_rows() + _END + rest.split(_END)[1]


def event_rows(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Fields and meaning by event and level, from the page."""
    table = text.split("<!-- events -->\n")[1].split("<!-- /events -->", maxsplit=1)[0]
    rows = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in table.splitlines()[2:]]
    return {(event.strip("`"), level): (fields, meaning) for event, level, fields, meaning in rows}


if __name__ == "__main__":
    PAGE.write_text(with_metrics(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
