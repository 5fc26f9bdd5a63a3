from __future__ import annotations

import numpy as np
import pytest

from models.errors import TrainingRefused
from models.training_rows import judge, least_rows, whole_rows

TAGS, FEATURES = ("flow", "pressure"), ("mean", "std", "max")


def test_rows_with_holes_are_left_out_and_their_tag_is_named(rows):
    given = rows(100)
    given[10:15, 1, 2] = np.nan
    given[20, 0, 0] = np.inf
    warnings: list[str] = []
    kept, mask = whole_rows(given, TAGS, warnings)
    assert np.flatnonzero(~mask).tolist() == [10, 11, 12, 13, 14, 20]
    assert np.isfinite(kept).all()
    assert len(kept) == 94
    assert warnings == ["6.0% of the rows have a tag without a value (most: pressure 5%, flow 1%) and were left out"]


def test_a_recording_full_of_holes_is_refused(rows):
    given = rows(100)
    given[:21, 0] = np.nan
    with pytest.raises(TrainingRefused, match=r"missing = 21.0%.*flow 21%.*leave these tags out"):
        whole_rows(given, TAGS, [])


@pytest.mark.parametrize(("embargo", "least"), [(0, 20), (1, 23), (5, 34), (10, 47)])
def test_too_few_rows_are_refused_and_the_number_is_said(rows, embargo, least):
    assert least_rows(embargo) == least
    judge(rows(least), TAGS, FEATURES, embargo)
    with pytest.raises(TrainingRefused, match=f"rows = {least - 1}: at least {least} windows"):
        judge(rows(least - 1), TAGS, FEATURES, embargo)


def test_each_fit_of_the_cross_validation_keeps_fifteen_rows():
    for embargo in range(40):
        n = least_rows(embargo)
        assert n - -(-n // 4) - 2 * embargo >= 14


def test_a_settled_plant_gives_no_warning(rows):
    assert judge(rows(400), TAGS, FEATURES, 2) == []


def test_a_warming_plant_gives_a_warning_that_names_the_tag(rows):
    given = rows(400)
    given[:, 1, 0] += np.linspace(0, 20, 400)
    (warning,) = judge(given, TAGS, FEATURES, 2)
    assert warning.startswith("pressure (mean) drifts by +")


def test_a_constant_tag_and_a_thin_recording_are_noted(rows):
    given = rows(400)
    given[:, 0] = 7.0
    assert judge(given, TAGS, FEATURES, 2) == [
        "constant all the time: flow; a change by 1 % will count as one deviation"
    ]
    wide = np.random.default_rng(0).normal(size=(40, 2, 30))
    assert "40 rows for 60 columns" in judge(wide, TAGS, tuple(map(str, range(30))), 1)[0]
