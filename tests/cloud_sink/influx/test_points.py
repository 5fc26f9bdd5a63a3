from __future__ import annotations

from dataclasses import replace

import pytest

from cloud_sink.influx.points import lines_of
from cloud_sink.records import OtherScore

NAN = float("nan")


@pytest.mark.parametrize(
    ("score", "fields"),
    [
        (1.5, 'score=1.5,threshold=1,anomaly=true,abstained=false,model_version="2"'),
        (NAN, 'threshold=1,anomaly=false,abstained=true,model_version="2"'),
    ],
)
def test_every_model_of_a_window_has_a_line_with_its_role(make, score, fields) -> None:
    others = (OtherScore("forest@7", 0.5, shadow=False), OtherScore("m@2", score, shadow=True))
    lines = lines_of(replace(make.summary(0), others=others), "works")
    told = [line.split(" ") for line in lines if line.startswith("edge_score")]
    assert [head for head, _, _ in told] == [
        "edge_score,asset=pump,model=m,role=active,site=works",
        "edge_score,asset=pump,model=forest,role=active,site=works",
        "edge_score,asset=pump,model=m,role=shadow,site=works",
    ]
    assert told[2][1] == fields


def test_events_alike_of_which_the_books_are_kept_are_a_point_each(make) -> None:
    alike = [replace(make.event(0), kind="late", total=8 * number) for number in range(1, 50)]
    lines = [line for event in alike for line in lines_of(event, "works")]
    assert len({line.rsplit(" ", 1)[0] for line in lines}) == 1
    assert len(set(lines)) == 49
