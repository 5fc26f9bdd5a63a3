"""Every metric there is. `OBSERVE.md` shows this table; a test holds them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: As Prometheus shows it; a counter's ends in _total.
        kind: A counter begins anew with the process that counts, or is of all time where `meaning` says so.
        labels: Their values come from the configuration or from a fixed list, never from data: series are bounded.
        unit: For people; "" = a number of what the name says.
        meaning: For people.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    meaning: str


METRICS = (
    Metric("edge_info", "gauge", ("site", "gateway", "version"), "", "Always 1; who this is, and its software."),
    Metric("edge_healthy", "gauge", (), "0, 1", "What /healthz says: 0 = a process must be restarted."),
    Metric("edge_ready", "gauge", (), "0, 1", "What /readyz says: 0 = not all that is configured is done."),
    Metric("edge_process_up", "gauge", ("role",), "0, 1", "Whether a process has given a sign of life within 30 s."),
    Metric("edge_process_beat_age_seconds", "gauge", ("role",), "s", "Since the last sign of life of a process."),
    Metric("edge_process_uptime_seconds", "gauge", ("role",), "s", "Since a process was started."),
    Metric("edge_process_cpu_seconds_total", "counter", ("role",), "s", "CPU time of a process."),
    Metric("edge_process_resident_bytes", "gauge", ("role",), "bytes", "Memory of a process that is in RAM."),
    Metric(
        "edge_process_restarts_total",
        "counter",
        ("role",),
        "",
        "Times that a process was started anew, also by a reload.",
    ),
    Metric("edge_process_wedged_total", "counter", ("role",), "", "Times that it was killed because it hung."),
    Metric("edge_samples_total", "counter", (), "samples", "Samples that drivers handed over, bad ones included."),
    Metric("edge_last_sample_age_seconds", "gauge", (), "s", "Since any driver handed over a sample."),
    Metric("edge_intake_queued_samples", "gauge", (), "samples", "Samples that wait for the disk of the journal."),
    Metric("edge_journal_write_age_seconds", "gauge", (), "s", "Since something was appended to the journal."),
    Metric("edge_journal_write_failures_total", "counter", (), "", "Appends that the disk refused; tried again."),
    Metric("edge_journal_sync_failures_total", "counter", (), "", "Group syncs that the disk refused."),
    Metric("edge_link_up", "gauge", ("link",), "0, 1", "Whether a device or server is connected, or not tried yet."),
    Metric("edge_link_samples_total", "counter", ("link",), "samples", "Samples of a link."),
    Metric("edge_link_errors_total", "counter", ("link",), "", "Errors of a link; which, is in the drivers' READMEs."),
    Metric("edge_link_reconnects_total", "counter", ("link",), "", "Connections of a link beyond its first one."),
    Metric("edge_link_failures_total", "counter", ("link",), "", "Times that a driver itself failed: a bug."),
    Metric("edge_placed_samples_total", "counter", (), "samples", "Samples placed in windows, of all time."),
    Metric("edge_late_samples_total", "counter", (), "samples", "Samples whose window was closed, of all time."),
    Metric(
        "edge_dropped_total",
        "counter",
        ("stage", "reason"),
        "samples, records, lines",
        "What was let go: samples in intake and flow, records in outbox (of all time), lines in influx.",
    ),
    Metric("edge_windows_total", "counter", (), "", "Window summaries written to the outbox."),
    Metric("edge_alerts_total", "counter", (), "", "Alerts written to the outbox: changes of state of alarms."),
    Metric("edge_events_total", "counter", (), "", "Events written to the outbox: gaps, drops, models."),
    Metric("edge_alert_seconds", "histogram", (), "s", "From receiving a sample to its alert being on the disk."),
    Metric("edge_flow_read_age_seconds", "gauge", (), "s", "Since the flow read something of the journal."),
    Metric("edge_model_info", "gauge", ("name", "version", "role"), "", "Always 1; role: active, shadow or refused."),
    Metric("edge_inference_seconds_total", "counter", ("name",), "s", "Time spent in calls of a model."),
    Metric("edge_inference_rows_total", "counter", ("name",), "windows", "Windows that a model was given."),
    Metric("edge_drifting_assets", "gauge", (), "assets", "Assets that no longer look as in a model's training."),
    Metric("edge_outbox_full", "gauge", (), "0, 1", "Whether the disk is full: what came last was dropped."),
    Metric("edge_outbox_records", "gauge", ("lane",), "records", "Records that wait to be delivered."),
    Metric("edge_outbox_bytes", "gauge", ("lane",), "bytes", "The same in bytes."),
    Metric("edge_outbox_oldest_seconds", "gauge", ("lane",), "s", "Age of the one that waits longest; 0 = none."),
    Metric("edge_outbox_set_aside_records", "gauge", (), "records", "Records kept though they cannot be delivered."),
    Metric("edge_uplink_up", "gauge", ("target",), "0, 1", "Whether the last attempt reached a target."),
    Metric("edge_delivered_records_total", "counter", ("target", "lane"), "records", "Records delivered, verified."),
    Metric("edge_delivered_objects_total", "counter", ("target",), "objects", "Objects delivered, verified."),
    Metric("edge_egress_bytes_total", "counter", ("target",), "bytes", "Bytes on the network, also in vain."),
    Metric("edge_upload_seconds", "histogram", ("target",), "s", "What an attempt took, also one that failed."),
    Metric("edge_upload_failures_total", "counter", ("target", "reason"), "", "Attempts that failed; none lost data."),
    Metric(
        "edge_last_delivery_timestamp_seconds", "gauge", ("target",), "s", "When, since 1970; 0 = none since start."
    ),
    Metric("edge_egress_ledger_failures_total", "counter", ("target",), "", "Attempts whose ledger line was not kept."),
    Metric("edge_influx_waiting_lines", "gauge", ("target",), "lines", "Lines that wait for an InfluxDB."),
    Metric("edge_influx_written_lines_total", "counter", ("target",), "lines", "Lines that an InfluxDB took."),
)
