"""SKAB: fit on the first 400 rows of each run, judge the rest, pool the rows of all runs (its board's protocol).

Tuned on labels, never on those of the files that are judged: margin on the limit and time constant of the centre, by
the highest F1 among those with a false alarm rate of at most 22 %. Everything else is the default of the product.

Not blind to these files, though: the four members were put together after single detectors had been seen on them; and
that 30 rows settle (60: F1 0.827 at its best margin, 30 and 20: 0.832), that a fold is scaled by all rows (by its own:
0.80 on other groups, but 93.8 % on Tennessee Eastman), and the largest ratio, not the mean, were kept with their
figures here in sight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from accuracy.data import SKAB_GROUPS, Recording, skab, skab_anomaly_free
from accuracy.report import DRAWS, SEED, between, progress, result
from numpy.typing import NDArray

from models.detectors.stream import StreamDetector
from models.evaluate.baselines import always_on, clock, metronome, outside_range, random_scores
from models.evaluate.bootstrap import interval
from models.evaluate.events import EventCounts, event_counts
from models.evaluate.pointwise import Counts, counts
from models.evaluate.ranking import roc_auc
from models.evaluate.vus import vus_pr
from models.stream_training import fit_stream

TRAINING = 400
TAGS = ("vibration 1", "vibration 2", "current", "pressure", "temperature", "thermocouple", "voltage", "flow")
SECOND_NS = 10**9
MARGINS = np.array([1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0])
FOLLOW_ROWS = (None, 1000.0, 400.0, 200.0)
MOST_FAR, MOST_MAR, LEAST_F1 = 0.22, 0.17, 0.82
BOARD = {  # false alarm rate and missed alarm rate of each row of the board, percent
    "Conv-AE": (13.55, 28.02),
    "MSET": (39.73, 14.13),
    "T2+Q": (26.62, 24.92),
    "LSTM-AE": (29.96, 25.92),
    "T2": (19.21, 42.60),
    "LSTM-VAE": (9.13, 55.03),
    "LSTM": (12.54, 59.53),
    "MSCRED": (49.94, 69.88),
    "AE": (2.59, 75.15),
    "Isolation forest": (2.56, 82.89),
}
Setting = tuple[float | None, float]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One run after its training rows: labels, seconds, and scores float64[n, margins] by time constant."""

    run: Recording
    truth: NDArray[np.bool_]
    time_s: NDArray[np.float64]
    scores: dict[float | None, NDArray[np.float64]]

    def flagged(self, setting: Setting) -> NDArray[np.bool_]:
        follow, margin = setting
        at = int(np.flatnonzero(margin == MARGINS)[0])
        return ~(self.scores[follow][:, at] <= margin)  # no score is an alarm, too

    def counts(self, setting: Setting) -> Counts:
        return counts(self.truth, self.flagged(setting))


def run(data: Path) -> list[dict[str, Any]]:
    runs = skab(data)
    judged = []
    for at, recording in enumerate(runs, 1):
        judged.append(judge(recording))
        if at % 5 == 0 or at == len(runs):
            progress("SKAB run", at, len(runs))
    groups = [(choose(one for one in judged if one.run.group != group), group) for group in SKAB_GROUPS]
    by_group = [(one, setting) for setting, group in groups for one in judged if one.run.group == group]
    by_file = [(one, choose(other for other in judged if other is not one)) for one in judged]
    setting = choose(judged)
    return [
        _pooled("on other groups", by_group, {group: str(chosen) for chosen, group in groups}),
        _pooled("on other files", by_file, {}),
        _untuned(runs),
        _board(judged),
        _anomaly_free(data, setting),
    ]


def judge(recording: Recording) -> Judged:
    """Scores of one run at every setting; the stream runs on through the border of the training rows."""
    scores = {}
    for follow in FOLLOW_ROWS:
        detector = StreamDetector(follow_rows=follow, gate=MARGINS).fit(recording.rows[:TRAINING])
        if follow is None:
            score = np.repeat(detector.anomaly_score(recording.rows)[:, None], len(MARGINS), axis=1)
        else:
            score = np.empty((len(recording.rows), len(MARGINS)))
            state = detector.start(assets=len(MARGINS))  # one for each gate
            for at, row in enumerate(recording.rows):
                score[at], state = detector.step(np.repeat(row[None], len(MARGINS), axis=0), state)
        scores[follow] = score[TRAINING:]
    return Judged(recording, recording.truth[TRAINING:], recording.time_s[TRAINING:], scores)


def choose(judged: Iterable[Judged]) -> Setting:
    """Highest F1 among the settings with few enough false alarms, on these files."""
    files = list(judged)

    def worth(setting: Setting) -> tuple[bool, float]:
        pooled = sum((one.counts(setting) for one in files), Counts())
        return pooled.far <= MOST_FAR, pooled.f1

    return max(((follow, float(margin)) for follow, margin in product(FOLLOW_ROWS, MARGINS)), key=worth)


def _pooled(how: str, chosen: Sequence[tuple[Judged, Setting]], settings: dict[str, str]) -> dict[str, Any]:
    parts = [one.counts(setting) for one, setting in chosen]
    pooled = sum(parts, Counts())
    events = sum((event_counts(one.truth, one.flagged(s), one.time_s, 1.0) for one, s in chosen), EventCounts())
    files = [one for one, _ in chosen]
    met = pooled.f1 >= LEAST_F1 and pooled.far <= MOST_FAR and pooled.mar <= MOST_MAR
    return result(
        f"SKAB, margin chosen {how}",
        pooled.f1,
        "F1",
        "F1 >= 0.82, FAR <= 22 %, MAR <= 17 %",
        met,
        interval=between(interval(parts, lambda drawn: sum(drawn, Counts()).f1, draws=DRAWS, seed=SEED)),
        far=f"{pooled.far:.1%}",
        mar=f"{pooled.mar:.1%}",
        found=f"{events.found}/{events.events}",
        delay_s=f"{events.delay_s():.0f} (p90 {events.delay_s(0.9):.0f})",
        false_alarms_per_day=f"{events.false_alarms_per_day:.0f}",
        **settings,
        **baselines(files),
    )


def baselines(files: Sequence[Judged]) -> dict[str, str]:
    """F1 with its interval, FAR and MAR of what knows nothing, on the same rows."""
    rng = np.random.default_rng(SEED)
    verdicts: dict[str, Callable[[Judged], NDArray[np.bool_]]] = {
        "always on": lambda one: always_on(len(one.truth)),
        "clock": lambda one: clock(len(one.truth), 180, 150),
        "metronome": lambda one: metronome(len(one.truth), 30),
        "random": lambda one: random_scores(len(one.truth), rng) > 0.5,
        "range novelty": lambda one: outside_range(one.run.rows[:TRAINING], one.run.rows[TRAINING:]) > 0,
    }
    told = {}
    for name, verdict in verdicts.items():
        parts = [counts(one.truth, verdict(one)) for one in files]
        pooled = sum(parts, Counts())
        spread = interval(parts, lambda drawn: sum(drawn, Counts()).f1, draws=DRAWS, seed=SEED)
        told[name] = f"F1 {pooled.f1:.3f} ({between(spread)}) FAR {pooled.far:.1%} MAR {pooled.mar:.1%}"
    return told


def _untuned(runs: Sequence[Recording]) -> dict[str, Any]:
    """As a plant gets it that has no labels: the limit from a budget of one false alarm a day, the centre stays."""
    parts, events = [], EventCounts()
    for recording in runs:
        trained = fit_stream(recording.rows[:TRAINING], TAGS, every_ns=SECOND_NS)
        flagged = ~(trained.detector.anomaly_score(recording.rows)[TRAINING:] <= 1.0)
        truth = recording.truth[TRAINING:]
        parts.append(counts(truth, flagged))
        events += event_counts(truth, flagged, recording.time_s[TRAINING:], 1.0)
    pooled = sum(parts, Counts())
    return result(
        "SKAB, nothing tuned on labels (limit from the budget)",
        pooled.f1,
        "F1",
        "",
        None,
        interval=between(interval(parts, lambda drawn: sum(drawn, Counts()).f1, draws=DRAWS, seed=SEED)),
        far=f"{pooled.far:.1%}",
        mar=f"{pooled.mar:.1%}",
        found=f"{events.found}/{events.events}",
        delay_s=f"{events.delay_s():.0f} (p90 {events.delay_s(0.9):.0f})",
        false_alarms_per_day=f"{events.false_alarms_per_day:.0f}",
    )


def _board(judged: Sequence[Judged]) -> dict[str, Any]:
    """Missed alarms at the false alarm rate of each row of the board, the threshold slid along the labels."""
    truth = np.concatenate([one.truth for one in judged])
    score = np.concatenate([one.scores[None][:, 0] for one in judged])
    normal = np.sort(score[~truth])
    mine = {}
    for name, (far, _) in BOARD.items():
        threshold = normal[len(normal) - int(far / 100 * len(normal)) - 1]
        mine[name] = 100 * float(np.mean(score[truth] <= threshold))
    ahead = [name for name, (_, mar) in BOARD.items() if mine[name] < mar]
    aucs = [roc_auc(one.scores[None][:, 0], one.truth) for one in judged]
    volumes = [vus_pr(one.scores[None][:, 0], one.truth, longest=60) for one in judged]
    return result(
        "SKAB, rows of the board with more missed alarms at their own false alarm rate (oracle threshold)",
        float(len(ahead)),
        "of 10",
        "10 of 10",
        len(ahead) == len(BOARD),
        **{name: f"{mine[name]:.1f} against {mar:.1f}" for name, (_, mar) in BOARD.items()},
        roc_auc=f"{np.nanmean(aucs):.3f} (mean of the files)",
        vus_pr=f"{np.nanmean(volumes):.3f} (buffers to 60 rows)",
    )


def _anomaly_free(data: Path, setting: Setting) -> dict[str, Any]:
    """The run without faults, with the setting that all labelled runs together choose."""
    recording, training = skab_anomaly_free(data), 2000
    follow, margin = setting
    detector = StreamDetector(follow_rows=follow, gate=margin).fit(recording.rows[:training])
    flagged = ~(detector.anomaly_score(recording.rows)[training:] <= margin)
    later = recording.rows[training:]
    events = event_counts(np.zeros(len(flagged), dtype=np.bool_), flagged, recording.time_s[training:], 1.0)
    novel = outside_range(recording.rows[:training], later) > 0
    untuned = fit_stream(recording.rows[:training], TAGS, every_ns=SECOND_NS)
    budget = ~(untuned.detector.anomaly_score(recording.rows)[training:] <= 1.0)
    return result(
        "SKAB without anomalies, 2,000 training rows",
        100 * float(flagged.mean()),
        "% false alarms",
        "<= 1.5 %",
        float(flagged.mean()) <= 0.015,
        setting=str(setting),
        episodes=f"{events.episodes} in {events.normal_s / 3600:.1f} h",
        **{
            "limit from the budget, nothing tuned": f"{budget.mean():.2%}",
            "always on": "100 %",
            "clock": "0 %",
            "metronome": f"{1 / 30:.1%}",
            "random": "50 %",
            "range novelty": f"{novel.mean():.1%}",
        },
    )
