"""Recordings with labels: windows as a gateway has them, scores, and the table of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Item
from connectors.tags import TagTable
from edge_gateway.config.load import load
from edge_gateway.evaluation.labels import in_events, label_of, labelled, read_events
from edge_gateway.evaluation.scored import Judge, bundle_rows, by_detector, by_scorer
from edge_gateway.flow_file import load_features
from edge_gateway.recordings import NEVER_TAGS, RecordingRefused
from edge_gateway.training import MIN_COVERAGE, TrainWish, eligible, open_source
from flows.recorded import recorded_rows
from models.evaluate.events import runs
from models.evaluate.judged import Case, Judged
from models.evaluate.tables import Table, blind, judged_line
from models.feature_rows import FeatureRows
from models.onnx_scorer import OnnxScorer

TRAINED_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class EvaluateWish:
    """What `sluicegate evaluate` was asked for.

    Attributes:
        recordings: With labels.
        reading: How they are read; its recording and `out` do not count.
        bundle: Folder of the model to judge; None = fit `detector`.
        fit_on: Recording of normal operation to fit the detector on; None = the first `trained` of each recording.
        trained: Share of each recording that the detector is fitted on.
        label: Tag or column that is above 0 where a row is anomalous; None = one of the usual names.
        events: CSV with start and end of each event, instead of a label.
    """

    recordings: tuple[Path, ...]
    reading: TrainWish
    bundle: Path | None = None
    fit_on: Path | None = None
    trained: float = TRAINED_SHARE
    label: str | None = None
    events: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One asset of a recording in windows, and which of them are anomalous."""

    name: str
    rows: FeatureRows
    truth: NDArray[np.bool_]


def evaluate(wish: EvaluateWish, told: Callable[[str], None]) -> Table:
    """Judge a bundle or a detector on recordings.

    Raises:
        RecordingRefused: They cannot be read, have no labels, or not the tags.
        ModelError: The bundle is none, or the detector cannot be fitted.
    """
    scorer = None if wish.bundle is None else OnnxScorer.load(wish.bundle)
    cut = [one for path in wish.recordings for one in _labelled(path, wish, scorer, told)]
    if scorer is not None:
        cases, judged = _judged([(one, by_scorer(scorer), 0) for one in cut], told)
        name = scorer.model
        how: tuple[str, ...] = (f"{name}, in {_windows(cut[0].rows)}, by the code of the gateway.",)
    else:
        name = wish.reading.detector
        judges, said = _fitted(cut, wish, told)
        cases, judged = _judged(judges, told)
        fit_on = "the first part of each recording" if wish.fit_on is None else str(wish.fit_on)
        how = (f"Fit on {fit_on}, in {_windows(cut[0].rows)}; the limit comes from the budget.", *said)
    lines = [judged_line(name, judged), *(judged_line(kind, files) for kind, files in blind(cases, judged).items())]
    events = sum(len(runs(one.truth)) for one in judged)
    windows = sum(len(one.truth) for one in judged)
    return Table(f"recordings {len(judged)}, windows {windows}, events {events}", how, tuple(lines))


def _fitted(
    cut: Sequence[Labelled], wish: EvaluateWish, told: Callable[[str], None]
) -> tuple[list[tuple[Labelled, Judge, int]], tuple[str, ...]]:
    """What judges each recording, how many of its rows it was fitted on, and what is to be known about it."""
    reading = wish.reading

    def fit(rows: FeatureRows, where: str) -> Judge:
        told(f"fit {reading.detector} on {where}")
        return by_detector(reading.detector, rows, reading.budget_per_day, follow=reading.follow)

    if wish.fit_on is not None:
        source = open_source(replace(reading, recording=wish.fit_on), told)
        table = _picked(wish.fit_on, source.table, cut[0].rows.tags)
        rows = recorded_rows(source.items, source.windows, source.features, table, MIN_COVERAGE)
        judge = fit(rows, wish.fit_on.name)
        return [(one, judge, 0) for one in cut], judge.said
    judges: list[tuple[Labelled, Judge, int]] = []
    said: dict[str, None] = {}
    for one in cut:
        split = round(wish.trained * len(one.rows))
        judge = fit(one.rows[:split], one.name)
        said |= dict.fromkeys(judge.said)
        if faulty := int(one.truth[:split].sum()):
            said[f"{one.name}: {faulty} of the {split} windows that were learnt from are labelled anomalous"] = None
        judges.append((one, judge, split))
    return judges, tuple(said)


def _judged(
    judges: Sequence[tuple[Labelled, Judge, int]], told: Callable[[str], None]
) -> tuple[list[Case], list[Judged]]:
    """A case and a verdict for each; rows that were learnt from, or warmed up on, do not count."""
    cases, judged = [], []
    for one, judge, split in judges:
        told(f"score {one.name}")
        rows, start = one.rows, max(split, judge.warm_up)
        if len(rows) > start:
            time_s = (rows.starts - rows.starts[0]) / 1e9
            training = rows.flat[:split] if split else _normal(one)
            every_s = rows.window_every_ns / 1e9
            cases.append(Case(one.name, one.name, rows.flat, one.truth, time_s, every_s, start, training))
            judged.append(cases[-1].judged(judge.score(rows)))
    if not cases:
        raise RecordingRefused("no window is left to judge: record longer, use shorter windows, or fit on less")
    return cases, judged


def _normal(one: Labelled) -> NDArray[np.float64]:
    """What range novelty knows where nothing was fitted here: the first part of the normal rows."""
    quiet = one.rows.flat[~one.truth]
    return quiet[: max(1, round(TRAINED_SHARE * len(quiet)))] if len(quiet) else one.rows.flat[:1]


def _labelled(
    path: Path, wish: EvaluateWish, scorer: OnnxScorer | None, told: Callable[[str], None]
) -> Iterator[Labelled]:
    """The assets of a recording."""
    columns = wish.reading.columns
    if columns and wish.label is not None:
        columns = {**columns, wish.label: wish.label}
    source = open_source(replace(wish.reading, recording=path, columns=columns), told)
    label = None if wish.events is not None else label_of(source.table, wish.label)
    if label is None and wish.events is None:
        raise RecordingRefused(f"{path}: nothing says what is anomalous; name a column with --label, or give --events")
    features, windows, least = source.features, source.windows, MIN_COVERAGE
    names = tuple(name for name in source.table.names if name != label and name.lower() not in NEVER_TAGS)
    if scorer is not None:
        config = wish.reading.config
        features, windows = bundle_rows(scorer, None if config is None else load_features(load(config).features))
        names, least = scorer.tags, scorer.min_coverage
    table = eligible(_picked(path, source.table, names), features)
    items: dict[str, list[Item]] = {}
    for item in source.items:
        items.setdefault(item.asset, []).append(item)
    for asset, its in items.items():
        rows = recorded_rows(its, windows, features, table, least)
        if wish.events is not None:
            truth = in_events(rows, read_events(wish.events))
        else:
            assert label is not None
            truth = labelled(rows, its, label)
        yield Labelled(path.name if len(items) == 1 else f"{path.name}: {asset}", rows, truth)


def _picked(path: Path, table: TagTable, names: Sequence[str]) -> TagTable:
    """These tags of a table, in this order."""
    tags = {tag.name: tag for tag in table.tags}
    if missing := [name for name in names if name not in tags]:
        raise RecordingRefused(f"{path}: lacks {', '.join(missing)}; it has {', '.join(tags)}")
    return TagTable(table.asset, tuple(tags[name] for name in names))


def _windows(rows: FeatureRows) -> str:
    length, every = rows.window_length_ns / 1e9, rows.window_every_ns / 1e9
    told = f"windows of {length:g} s"
    return told if length == every else f"{told} every {every:g} s"
