"""A day of a thousand gateways in one place, then read back: `python tests/benchmarks/fleet_day.py --gateways 1000`.

Prints what lies there (objects, bytes), what a fleet of 10,000 would send on paper, how long `query`, `fleet` and
`compact` take, and how many objects each of them opened. Cost needs prices: --put-price and --gb-month.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

from fleet.gateway_day import DAY, SOFTWARE, Size, gateway_day, site_of, write
from fleet.paper import Prices, on_paper

from cloud_sink.lake.compact import compact
from cloud_sink.lake.fleet import GatewayView, fleet
from cloud_sink.lake.places import Days, Place, open_place
from cloud_sink.lake.sql import Lake
from cloud_sink.settings import Naming

TODAY = Days(DAY.date(), DAY.date())
END = DAY + timedelta(days=1)
COUNT = "SELECT count(*) AS windows, count(DISTINCT asset) AS assets, avg(score) AS score FROM summaries"


def write_one(number: int, sites: int, size: Size, folder: Path) -> tuple[Counter[str], Counter[str]]:
    """A gateway's day into the folder; objects and bytes by kind."""
    objects: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for found in gateway_day(number, Naming(site_of(number, sites), f"gateway-{number}", SOFTWARE), size):
        write(folder, found)
        kind = found.sent.key.split("/")[0]
        objects[kind] += 1
        sizes[kind] += len(found.sent.data)
    return objects, sizes


def write_day(gateways: int, sites: int, size: Size, folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Everything, in two processes."""
    objects: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        work = pool.map(write_one, range(gateways), *([each] * gateways for each in (sites, size, folder)), chunksize=4)
        for some, bytes_of in work:
            objects += some
            sizes += bytes_of
    return objects, sizes


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    began = time.monotonic()
    ended: list[float] = []
    yield lambda: (ended or [time.monotonic()])[0] - began
    ended.append(time.monotonic())


def ask(place: Place, site: str | None) -> dict[str, Any]:
    """Windows of the day, of one site or all: seconds to open, seconds to ask, files of the dataset."""
    files = len(place.find(TODAY, ("summaries",), site))
    with timed() as opening:
        lake = Lake([place], TODAY, site)
    with timed() as asking:
        (row,) = lake.query(COUNT).to_pylist()
    lake.close()
    return {"files": files, "open_s": opening(), "ask_s": asking(), **row}


class Counting:
    """A file system that counts what is opened."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.opened = 0

    def open_input_file(self, path: str) -> Any:
        self.opened += 1
        return self.inner.open_input_file(path)

    def get_file_info(self, selector: Any) -> Any:
        return self.inner.get_file_info(selector)


def watch(place: Place, site: str | None = None) -> tuple[list[GatewayView], float, int]:
    """The fleet at the end of the day: views, seconds, objects opened."""
    counting = Counting(place.filesystem)
    with timed() as took:
        views = fleet(Place(place.name, counting, place.root), END, timedelta(days=1), timedelta(hours=3), site)
    return views, took(), counting.opened


def measure(gateways: int, sites: int, size: Size, folder: Path, prices: Prices | None) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "place").mkdir(parents=True)
    (folder / "lake").mkdir()
    with timed() as writing:
        objects, sizes = write_day(gateways, sites, size, folder / "place")
    place, lake = open_place(str(folder / "place")), open_place(str(folder / "lake"))
    views, fleet_s, opened = watch(place)
    found: dict[str, Any] = {
        "gateways": gateways,
        "sites": min(sites, gateways),
        "write_s": writing(),
        "objects": dict(objects),
        "bytes": dict(sizes),
        "one_site": ask(place, site_of(0, sites)),
        "all_sites": ask(place, None),
        "fleet_s": fleet_s,
        "fleet_opened": opened,
        "fleet": dict(Counter(view.worries[0] if view.worries else "well" for view in views)),
        "fleet_one_site": watch(place, site_of(0, sites))[1:],
    }
    with timed() as merging:
        made = list(compact(place, lake, DAY.date(), SOFTWARE))
    found["compact"] = {"s": merging(), "files": len(made), "bytes": sum(one.compacted for one in made)}
    found["one_site_compacted"] = ask(lake, site_of(0, sites))
    found["all_sites_compacted"] = ask(lake, None)
    each = (sum(objects.values()) / gateways, sum(sizes.values()) / gateways)
    found["paper"] = [on_paper(count, *each, prices).__dict__ for count in (1, 1000, 10_000)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--sites", type=int, default=50)
    parser.add_argument("--assets", type=int, default=1, help="of each gateway")
    parser.add_argument("--tags", type=int, default=8, help="of each asset")
    parser.add_argument("--folder", type=Path, default=Path("var/fleet-day"), help="emptied first; 1 GB for 1,000")
    parser.add_argument("--put-price", type=float, help="of 1,000 PUT requests, from your provider's list")
    parser.add_argument("--gb-month", type=float, help="of a GB kept for a month, from the same list")
    parser.add_argument("--keep", action="store_true", help="leave the objects there")
    given = parser.parse_args()
    if (given.put_price is None) != (given.gb_month is None):
        parser.error("--put-price and --gb-month go together")
    prices = None if given.put_price is None else Prices(given.put_price, given.gb_month)
    found = measure(given.gateways, given.sites, Size(given.assets, given.tags), given.folder, prices)
    print(json.dumps(found, indent=1, default=str), flush=True)
    if not given.keep:
        shutil.rmtree(given.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
