"""Lines against those of influxdb-client's own `Point`, and what a parser makes of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influxdb_client import Point, WritePrecision

from cloud_sink.influx.lines import point, series, table

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF) | st.sampled_from('\n\t\r,= \\"'), min_size=1)
FIELDS = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | NAMES


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    NAMES.filter(lambda name: not name.startswith("#")),
    st.dictionaries(NAMES, st.text(max_size=5) | NAMES),
    st.dictionaries(NAMES, FIELDS),
    st.integers(-(2**63), 2**63 - 1),
)
def test_a_point_is_told_as_the_client_tells_it(
    name: str, tags: dict[str, str], fields: dict[str, float | int | bool | str], time: int
) -> None:
    theirs = Point(name).time(time, WritePrecision.NS)
    for key, value in tags.items():
        theirs.tag(key, value)
    for key, value in fields.items():
        theirs.field(key, value)
    ours = point(name, tuple(sorted(tags.items())), dict(sorted(fields.items())), time)
    assert ours == theirs.to_line_protocol()


def test_a_table_is_told_as_points() -> None:
    values = np.array([[1.5, 1e-20], [np.nan, -3e7], [np.nan, np.inf]], dtype=np.float32)
    counts = {"n": np.array([7, 0, 2], dtype=np.int32)}
    rows = [(("asset", "pump 1"), ("tag", name)) for name in ("a", "b", "c")]
    lines = table("edge_feature", rows, ("mean", "100%"), values, counts, 12)
    assert lines == [
        r"edge_feature,asset=pump\ 1,tag=a mean=1.5,100%=1e-20,n=7i 12",
        r"edge_feature,asset=pump\ 1,tag=b 100%=-3e+07,n=0i 12",
        r"edge_feature,asset=pump\ 1,tag=c n=2i 12",
    ]


def test_a_row_without_any_field_is_no_line() -> None:
    assert table("m", [((("a", "b"),))], ("x",), np.array([[np.nan]]), {}, 1) == []
    assert point("m", (), {"x": math.nan}, 1) == ""


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=4))
def test_seven_digits_keep_a_float32(row: list[float]) -> None:
    columns = tuple(f"f{at}" for at in range(len(row)))
    (line,) = table("m", [()], columns, np.array([row], dtype=np.float32), {}, 1)
    told = [float(part.split("=")[1]) for part in line.split(" ")[1].split(",")]
    assert told == pytest.approx(row, rel=5e-7, abs=1e-44)


def test_a_series_without_values_of_tags_leaves_them_out() -> None:
    assert series("m", (("a", ""), ("b", "c"))) == "m,b=c"


def test_an_integer_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        point("m", (), {"x": 2**63}, 1)
