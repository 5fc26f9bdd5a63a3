from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.baseline import BINS, baseline_of
from models.drift import (
    BATCH,
    BATCHES,
    LEAST_PSI,
    PERIOD,
    Counts,
    Reference,
    at_or_below,
    judge,
    limit_of,
    reference_of,
)
from models.drift_tally import Tally

TAGS, FEATURES = 4, 3
COLUMNS = TAGS * FEATURES + 1
CHANCE = 0.05  # of a false alarm in any column of a period


def stream(seed: int, rows: int, *, memory: float = 0.0, overlap: int = 1) -> NDArray[np.float64]:
    """Gaussian, sd 1, [rows, COLUMNS]: an autoregression, then means over so many, as hopping windows make them."""
    rng = np.random.default_rng(seed)
    noise = lfilter([1.0], [1.0, -memory], rng.standard_normal((rows + overlap + 200, COLUMNS)), axis=0)
    sums = np.cumsum(noise, axis=0)
    means = (sums[overlap:] - sums[:-overlap])[-rows:]
    return means / means.std()


def reference(rows: NDArray[np.float64]) -> Reference:
    features = rows[:, :-1].reshape(len(rows), TAGS, FEATURES)
    return reference_of(
        baseline_of(features, rows[:, -1]),
        model="pump@1",
        tags=("a", "b", "c", "d"),
        features=("mean", "std", "max"),
        rows=len(rows),
        score_rows=len(rows),
        every_ns=10**10,
        fingerprint="f",
    )


def counts(rows: NDArray[np.float64], of: Reference) -> Counts:
    """The plain definition, of PERIOD rows."""
    batches = at_or_below(rows, of.edges).reshape(BATCHES, BATCH, *of.edges.shape).sum(axis=1).astype(float)
    return Counts(
        below=batches.sum(axis=0)[None],
        squares=(batches**2).sum(axis=0)[None],
        products=(batches[1:] * batches[:-1]).sum(axis=0)[None],
        first=batches[:1],
        last=batches[-1:],
    )


KINDS = {
    "independent": {},
    "half of each window is the next one's": {"overlap": 2},
    "each sample lies in five windows": {"overlap": 5},
    "a plant that remembers ten windows": {"memory": 0.9},
}


@pytest.mark.parametrize("kind", KINDS)
def test_false_alarms_stay_below_what_is_declared(kind: str) -> None:
    limit, periods = limit_of(CHANCE, COLUMNS), 100
    alarms = 0
    for seed in range(periods):
        rows = stream(seed, 3000 + PERIOD, **KINDS[kind])
        of = reference(rows[:2000])
        verdicts = judge(counts(rows[-PERIOD:], of), of, stride=1, limit=limit)
        alarms += bool((verdicts.gap > limit).any())  # without the least PSI, which would hide what is wrong here
    assert alarms <= CHANCE * periods


def test_thinned_windows_keep_to_it_as_well() -> None:
    limit, periods, stride = limit_of(CHANCE, COLUMNS), 40, 9
    alarms = 0
    for seed in range(periods):
        rows = stream(seed, 3000 + PERIOD * stride, memory=0.95)
        of = reference(rows[:2000])
        verdicts = judge(counts(rows[-PERIOD * stride :: stride], of), of, stride=stride, limit=limit)
        alarms += bool((verdicts.gap > limit).any())
    assert alarms <= CHANCE * periods


@pytest.mark.parametrize(("step", "kind"), [(0.5, "independent"), (1.0, "a plant that remembers ten windows")])
def test_a_step_is_found_at_the_end_of_the_period(step: float, kind: str) -> None:
    limit = limit_of(1 / 365, COLUMNS)  # one false alarm a year, judged daily
    found = 0
    for seed in range(10):
        rows = stream(seed, 4 * PERIOD, **KINDS[kind])
        of = reference(rows[: 3 * PERIOD])
        rows[-PERIOD:, 4] += step
        found += judge(counts(rows[-PERIOD:], of), of, stride=1, limit=limit).drifted[0].nonzero()[0].tolist() == [4]
    assert found == 10


def test_batches_that_resemble_their_neighbours_say_less() -> None:
    of = reference(stream(0, 2000))
    rows = stream(1, PERIOD, memory=0.97) + 0.3
    batches = rows.reshape(BATCHES, BATCH, COLUMNS)
    slowly = batches[np.argsort(batches[:, :, 0].mean(axis=1))].reshape(PERIOD, COLUMNS)  # the same batches, sorted
    gap, sorted_gap = (judge(counts(one, of), of, stride=1, limit=1.0).gap[0] for one in (rows, slowly))
    assert sorted_gap[0] < 0.6 * gap[0]


def test_a_wider_spread_is_found() -> None:
    rows = stream(1, 4 * PERIOD)
    of = reference(rows[: 3 * PERIOD])
    rows[-PERIOD:, 2] *= 1.6
    verdicts = judge(counts(rows[-PERIOD:], of), of, stride=1, limit=limit_of(1 / 365, COLUMNS))
    assert verdicts.drifted[0].nonzero()[0].tolist() == [2]


def test_what_is_real_but_small_is_not_told() -> None:
    rows = stream(1, 41 * PERIOD)
    of = reference(rows[: 40 * PERIOD])
    rows[-PERIOD:] += 0.15
    verdicts = judge(counts(rows[-PERIOD:], of), of, stride=1, limit=limit_of(CHANCE, COLUMNS))
    assert (verdicts.gap > verdicts.limit).any()
    assert verdicts.psi.max() < LEAST_PSI
    assert not verdicts.drifted.any()


def test_the_index_is_that_of_its_formula() -> None:
    rows = stream(2, 2 * PERIOD)
    of = reference(rows[:PERIOD])
    verdicts = judge(counts(rows[PERIOD:] + 1.0, of), of, stride=1, limit=6.0)
    for column in range(COLUMNS):
        bins = np.searchsorted(of.edges[column], rows[PERIOD:, column] + 1.0, side="left")
        actual = (np.bincount(bins, minlength=BINS) + 0.5) / (PERIOD + BINS / 2)
        expected = (PERIOD * of.shares[column] + 0.5) / (PERIOD + BINS / 2)
        assert verdicts.psi[0, column] == pytest.approx(np.sum((actual - expected) * np.log(actual / expected)))


def test_a_column_that_never_moved_is_quiet_until_it_does() -> None:
    rows = stream(3, 2 * PERIOD)
    rows[:, 0] = 7.0
    of = reference(rows[:PERIOD])
    limit = limit_of(1 / 365, COLUMNS)
    assert not judge(counts(rows[PERIOD:], of), of, stride=1, limit=limit).drifted.any()
    rows[PERIOD:, 0] = 7.5
    assert judge(counts(rows[PERIOD:], of), of, stride=1, limit=limit).drifted[0, 0]


def test_the_score_is_the_last_column() -> None:
    assert reference(stream(0, 100)).columns[-2:] == ("d.max", "score")


class TestTally:
    def test_counts_are_those_of_the_definition(self) -> None:
        rows = np.stack([stream(seed, PERIOD) for seed in range(3)])
        of = reference(stream(9, 500))
        tally = Tally(COLUMNS)
        tally.grow(3)
        for row in range(PERIOD):
            # all at once, one alone, the other two
            groups = [[0, 1, 2]] if row % 2 else [[1], [0, 2]]
            full = [
                int(one) for at in groups for one in tally.count(np.array(at), at_or_below(rows[at, row], of.edges))
            ]
            assert sorted(full) == ([0, 1, 2] if row == PERIOD - 1 else [])
        got = tally.counts(np.arange(3))
        for asset in range(3):
            want = counts(rows[asset], of)
            for name in ("below", "squares", "products", "first", "last"):
                assert np.array_equal(getattr(got, name)[asset], getattr(want, name)[0]), name

    def test_a_period_leaves_nothing_behind(self) -> None:
        rows, of = stream(4, 2 * PERIOD), reference(stream(9, 500))
        tally, one = Tally(COLUMNS, 1), np.array([0])
        for row in range(2 * PERIOD):
            full = tally.count(one, at_or_below(rows[row : row + 1], of.edges))
            assert len(full) == (row % PERIOD == PERIOD - 1)
            got = tally.counts(full) if len(full) else None
        assert got is not None
        assert np.array_equal(got.products, counts(rows[PERIOD:], of).products)

    def test_the_largest_counts_there_can_be_fit(self) -> None:
        tally, one = Tally(1, 1), np.array([0])
        for _ in range(PERIOD):
            tally.count(one, np.ones((1, 1, 9), np.bool_))
        got = tally.counts(one)
        assert (got.below == PERIOD).all()
        assert (got.squares == BATCHES * BATCH**2).all()
        assert (got.products == (BATCHES - 1) * BATCH**2).all()

    def test_it_goes_on_from_its_bytes(self) -> None:
        rows, of = stream(5, PERIOD), reference(stream(9, 500))
        tally, one = Tally(COLUMNS, 1), np.array([0])
        for row in range(PERIOD):
            if row in {100, 517}:
                tally = Tally.load(memoryview(b"".join(tally.dump())), COLUMNS, 1)
            tally.count(one, at_or_below(rows[row : row + 1], of.edges))
        assert np.array_equal(tally.counts(one).squares, counts(rows, of).squares)

    @pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"0"])
    def test_other_bytes_are_refused(self, change) -> None:
        with pytest.raises(ValueError, match=r"bytes|buffer"):
            Tally.load(memoryview(change(b"".join(Tally(COLUMNS, 2).dump()))), COLUMNS, 2)
