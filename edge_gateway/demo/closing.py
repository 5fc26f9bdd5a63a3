"""The last screen: what was proved, what it cost, where the files are, what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge_gateway.demo.files import DemoFiles


def closing(report: Mapping[str, Any], found: Sequence[str], files: DemoFiles, path: Path) -> RenderableType:
    """A table and a few lines.

    Args:
        report: See `make_report`.
        found: Reasons why the demo failed; [] = it did what it should.
        files: Where everything lies.
        path: Of report.json.
    """
    outage, latency = report["outage"], report["alert_latency_ms"]
    table = Table(title="what happened", title_justify="left", box=box.SIMPLE_HEAVY, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    rows = [
        (
            "samples received",
            f"{report['samples_received']:,}",
            "= placed + late + dropped",
        ),
        ("  placed in windows", f"{report['samples_placed']:,}", ""),
        ("  late", f"{report['samples_late']:,}", ""),
        ("  dropped", f"{report['samples_dropped']:,}", ""),
        ("windows", f"{report['windows']:,}", "of 3 s, 12 features of each tag"),
        ("alerts", str(len(report["alerts"])), "opened and cleared"),
        *(
            (f"  {fault['name']} on {fault['asset']}", _seconds(fault["detected_after_s"]), "from injection to alert")
            for fault in report["faults_injected"]
        ),
        (
            "alert latency p50 / p99",
            f"{latency['p50']} / {latency['p99']} ms",
            "deciding sample arrived -> alert on disk",
        ),
        ("as JSON over MQTT", f"{report['bytes_mqtt_json']:,} B", "every sample sent; a waveform as one message"),
        ("sent", f"{report['bytes_sent']:,} B", f"{report['reduction']} x less, in {report['objects_sent']} objects"),
        ("outage", f"{outage.get('seconds')} s", f"{outage.get('backlog_records')} records waited"),
        ("  drained in", _seconds(outage.get("drained_in_s")), "alerts first" * bool(outage.get("alerts_first"))),
        (
            "records lost / twice",
            f"{outage['records_lost']} / {report['duplicates']}",
            "every delivered file was read back",
        ),
    ]
    for row in rows:
        table.add_row(*row)
    verdict = (
        Text("\n".join(["✗ the demo failed:", *(f"  {reason}" for reason in found)]), style="bold red")
        if found
        else Text("✓ faults found, healthy plant quiet, nothing lost", style="bold green")
    )
    return Group(table, verdict, Text(_next(files, path)))


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value} s"


def _next(files: DemoFiles, path: Path) -> str:
    return f"""
Where things are
  {files.cloud}   what the cloud got: alerts, events, Parquet summaries
  {files.config}   the configuration; journal and outbox beside it in data/
  {files.bundle}   the model: card.md, manifest.json, model.onnx
  {path}   this table as JSON

What to try next
  sluicegate demo --fault drift          another fault; --fault list shows all
  sluicegate simulate pump               only the plant, for any OPC-UA or Modbus client
  sluicegate init my-site                a configuration of your own, to begin with
  sluicegate check {files.config}
  edge_gateway/sample.toml               every option, for your own machine
"""
