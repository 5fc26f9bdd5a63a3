"""Every figure: what it is called, its unit, its definition and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        label: Head of its column.
        unit: "%" = a share, told in percent; "s", "/day", or "" = a plain number.
        better: "high" or "low".
        definition: What is counted.
        source: Where that was defined.
    """

    label: str
    unit: str
    better: str
    definition: str
    source: str


_NAB = "Lavin and Ahmad, ICMLA 2015 (arXiv 1510.03336), version 1.1"
_SKAB = "README of waico/SKAB"

FIGURES: dict[str, Figure] = {
    "f1": Figure(
        "F1",
        "",
        "high",
        "2 TP / (2 TP + FP + FN) over the rows of all files; always-on gets 2 p / (1 + p) where a share p is anomalous",
        "van Rijsbergen, Information Retrieval, 1979",
    ),
    "far": Figure("FAR", "%", "low", "False alarm rate: share of the normal rows that were flagged", _SKAB),
    "mar": Figure("MAR", "%", "low", "Missed alarm rate: share of the anomalous rows that were not flagged", _SKAB),
    "balanced_accuracy": Figure(
        "bal. acc.", "", "high", "1 - (FAR + MAR) / 2; 0.5 for whatever knows nothing", "Brodersen et al., ICPR 2010"
    ),
    "roc_auc": Figure(
        "ROC AUC",
        "",
        "high",
        "Chance that an anomalous row scores above a normal one, mean of the files; 0.5 = knows nothing",
        "Hanley and McNeil, Radiology 143, 1982",
    ),
    "pr_auc": Figure(
        "PR AUC",
        "",
        "high",
        "Average precision: sum of recall steps times precision, mean of the files; a score that knows nothing "
        "gets the share of anomalous rows",
        "Davis and Goadrich, ICML 2006",
    ),
    "vus_pr": Figure(
        "VUS-PR",
        "",
        "high",
        "Area under the range-based precision-recall curve, mean over buffers of 0 to 60 rows around each event "
        "and of the files",
        "Paparrizos et al., PVLDB 15(11), 2022",
    ),
    "found": Figure(
        "events found",
        "%",
        "high",
        "Share of the events (runs of anomalous rows) with at least one flagged row",
        "definition",
    ),
    "event_precision": Figure(
        "event prec.",
        "%",
        "high",
        "Share of the alarm episodes (runs of flagged rows) that touch an event",
        "definition",
    ),
    "delay_s": Figure(
        "delay",
        "s",
        "low",
        "From the first row of an event to its first flagged row, median of the events found",
        "definition",
    ),
    "delay_p90_s": Figure("delay p90", "s", "low", "The same, 90 % quantile", "definition"),
    "false_alarms_per_day": Figure(
        "false alarms",
        "/day",
        "low",
        "Alarm episodes that touch no event, per day of normal operation; one that never ends is one, so read FAR, too",
        "EEMUA 191 counts per time, too",
    ),
    "nab": Figure(
        "NAB",
        "",
        "high",
        "Early hits earn most, each alert outside the events costs 0.11 hits; 0 = silent, 100 = perfect. An alert "
        "silences equal and lower ones for 100 rows. A metronome earns much where events are dense",
        _NAB,
    ),
    "nab_low_fp": Figure("NAB low FP", "", "high", "The same, a false alarm costs 0.22 hits", _NAB),
    "nab_low_fn": Figure("NAB low FN", "", "high", "The same as NAB, a miss costs 2 hits", _NAB),
    "unscored": Figure(
        "no score", "%", "low", "Share of the rows without a score; each of them counts as an alarm", "definition"
    ),
    "nab_elsewhere": Figure(
        "NAB, threshold from elsewhere",
        "",
        "high",
        "NAB with the threshold of each category of files from all others",
        _NAB,
    ),
    "detected": Figure(
        "detected",
        "%",
        "high",
        "Fault detection rate: share of the rows after the onset that were flagged, mean of the faults",
        "definition",
    ),
    "far_normal": Figure(
        "FAR normal", "%", "low", "Share of the rows of the runs without a fault that were flagged", "definition"
    ),
    "far_before": Figure(
        "FAR before",
        "%",
        "low",
        "Share of the rows before the onset of a fault that were flagged, mean of the runs",
        "definition",
    ),
    "changes_low_fp": Figure(
        "LowFP",
        "",
        "high",
        "As NAB low FP, with a window of 60 s after each changepoint; toggling blindly earns up to 51",
        "scorer of waico/SKAB",
    ),
    "changes": Figure(
        "standard",
        "",
        "high",
        "The same by the standard profile; toggling blindly every 30 s earns 60",
        "scorer of waico/SKAB",
    ),
    "changes_low_fn": Figure("LowFN", "", "high", "The same by the profile low FN", "scorer of waico/SKAB"),
    "mar_at_far": Figure(
        "MAR at its FAR",
        "%",
        "low",
        "Missed alarm rate with the threshold slid along the labels to the FAR of the row (an oracle)",
        "definition",
    ),
    "mar_board": Figure("its MAR", "%", "low", "Missed alarm rate on the board", _SKAB),
    "mar_range": Figure("range novelty's MAR", "%", "low", "As MAR at its FAR, by range novelty", "definition"),
}
"""By key; tables show those they have. None is point-adjusted: see `NOT_POINT_ADJUSTED`."""

NOT_POINT_ADJUSTED = (
    "No figure is point-adjusted (one hit counts as the whole event): with that a random score reaches the top of the "
    "tables (Kim et al., Towards a Rigorous Evaluation of Time-Series Anomaly Detection, AAAI 2022)."
)

INTERVALS = "In brackets: 95 % bootstrap over whole files (Efron, 1979), {draws} draws, seed {seed}; none for one file."

BLIND = {
    "always on": "an alarm in every row",
    "clock": "on and off at the rows where tests usually begin and end; it never looks at the data",
    "metronome": "one row in every so many, as many alarms as the first line has episodes",
    "random": "uniform scores, as many rows flagged as in the first line",
    "range novelty": "a value outside the range of the training rows, as Quo Vadis (arXiv 2405.02678, 2024) has it",
}
"""What knows nothing, or next to nothing, beside every figure."""
