"""A day of some gateways in one place, as `make fleet-day` makes it of a thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from fleet.gateway_day import DAY, Size, goes_silent, last_moment, site_of
from fleet.paper import Prices, on_paper
from fleet_day import measure, watch

from cloud_sink.lake.places import Days, open_place

pytestmark = [pytest.mark.slow]

GATEWAYS, SITES, SIZE = 9, 3, Size(tags=4)
WINDOW_ROWS = 24 * 60 * SIZE.tags


def rows_of(number: int) -> int:
    """Of files that were closed, two minutes after their quarter of an hour, while it still ran."""
    minutes = (last_moment(number) - int(DAY.timestamp()) * 10**9) // (60 * 10**9)
    return sum(15 for first in range(0, 24 * 60, 15) if first + 17 < minutes) * SIZE.tags


def test_a_day_is_read_back_by_site_and_date_whole_and_with_few_files(tmp_path: Path) -> None:
    found = measure(GATEWAYS, SITES, SIZE, tmp_path, None)
    own = [number for number in range(GATEWAYS) if site_of(number, SITES) == site_of(0, SITES)]
    for asked in (found["one_site"], found["one_site_compacted"]):
        assert asked["windows"] == sum(map(rows_of, own))
        assert asked["assets"] == len(own)
    for asked in (found["all_sites"], found["all_sites_compacted"]):
        assert asked["windows"] == sum(map(rows_of, range(GATEWAYS)))
    assert found["one_site"]["files"] < found["all_sites"]["files"] / 2
    assert found["all_sites"]["files"] == found["objects"]["summaries"]
    assert (found["one_site_compacted"]["files"], found["all_sites_compacted"]["files"]) == (1, SITES)
    assert found["compact"]["bytes"] < found["bytes"]["summaries"]

    # Every gateway is seen, by a few objects of it; the one that fell silent at noon is missing.
    assert found["fleet"] == {"missing": sum(map(goes_silent, range(GATEWAYS))), "well": GATEWAYS - 1}
    assert found["fleet_opened"] <= 4 * GATEWAYS
    assert found["fleet_opened"] < found["objects"]["events"] / 4
    views, _, _ = watch(open_place(str(tmp_path / "place")))
    assert views[0].gateway == "gateway-7"
    assert len(open_place(str(tmp_path / "place")).find(Days())) == sum(found["objects"].values())


def test_what_a_fleet_costs_on_paper_is_a_matter_of_prices() -> None:
    paper = on_paper(10_000, 100, 1_000_000, Prices(put=0.01, gb_month=0.02))
    assert (paper.objects, paper.size) == (1_000_000, 10**10)
    assert paper.requests_cost == pytest.approx(300.0)
    assert paper.storage_cost == pytest.approx(6.0)
    assert on_paper(10_000, 100, 1_000_000, None).requests_cost is None
