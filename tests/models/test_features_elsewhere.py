"""Agreement with other libraries where the definitions coincide, within 1e-9.

The values were computed once, by tsfel 0.2.0, tsfresh 0.21.2 and pycatch22 1.0.2 on numpy 2.4.6, from the series below.
None of them is needed to run this, and none belongs on a gateway: they take 10 to 1,000 times as long.
"""

from __future__ import annotations

import numpy as np
import pytest
from models_waves import waveforms

from models.features import FeatureSet

RATE = 50.0
_I = np.arange(400)
SERIES = np.sin(0.37 * _I) * 3 + np.cos(1.9 * _I) * 0.7 + ((_I * 7919) % 101) / 101.0 - 0.2

ELSEWHERE = [
    ("mean", "tsfel calc_mean", 0.33517900646371906),
    ("mean", "pycatch22 DN_mean", 0.3351790064637188),
    ("std", "tsfel calc_std", 2.1822204024418927),
    ("std", "pycatch22 DN_Spread_std, which divides by n - 1", 2.184953303202748 * (399 / 400) ** 0.5),
    ("min", "tsfel calc_min", -3.6611647302732906),
    ("max", "tsfel calc_max", 4.205693609962792),
    ("range", "tsfel pk_pk_distance", 7.866858340236083),
    ("median", "tsfel calc_median", 0.34930371359616036),
    ("iqr", "tsfel interq_range", 4.02575987131428),
    ("quantile:0.1", "tsfresh quantile", -2.5500763424507857),
    ("rms", "tsfel rms", 2.207811325998592),
    ("energy", "tsfel abs_energy", 1949.772340483065),
    ("skewness", "tsfel skewness", -0.02242870088377776),
    ("kurtosis", "tsfel kurtosis", -1.3187513830596158),
    ("mean_abs_change", "tsfel mean_abs_diff", 0.99506934338554),
    ("travel", "tsfresh absolute_sum_of_changes", 397.03266801083043),
    ("slope", "tsfel slope, which is per sample", 1.2890439145095185e-05 * RATE),
    ("zero_crossings", "tsfel zero_cross", 54.0),
    ("crossings:1", "tsfresh number_crossing_m", 56.0),
    ("autocorrelation:1", "tsfresh autocorrelation", 0.8461179085457315),
    ("autocorrelation:7", "tsfresh autocorrelation", -0.7486720975702259),
    ("spectral_centroid", "tsfel spectral_centroid of the series less its mean", 6.094604900473845),
]


@pytest.mark.parametrize(("name", "function", "value"), ELSEWHERE)
def test_agrees_with_other_libraries(name: str, function: str, value: float) -> None:
    ((found,),) = FeatureSet("one", 1, (name,)).compute(waveforms(SERIES, rate=RATE))
    assert found == pytest.approx(value, rel=1e-9), function
