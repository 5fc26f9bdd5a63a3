from __future__ import annotations

import pytest
from scipy.stats import t

from models.student import critical, two_sided


@pytest.mark.parametrize("freedom", [3, 5, 23])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3, 1e-6, 1e-9])
def test_it_is_the_quantile_that_scipy_has(alpha: float, freedom: int) -> None:
    assert critical(alpha, freedom) == pytest.approx(t.isf(alpha / 2, freedom), rel=1e-6)


def test_the_probability_falls_from_one() -> None:
    assert two_sided(0.0, 23) == 1.0
    assert two_sided(2.0, 23) == pytest.approx(2 * t.sf(2.0, 23), rel=1e-12)
