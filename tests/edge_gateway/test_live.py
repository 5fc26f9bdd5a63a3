"""The last value of every tag, from a real journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Origin, SampleBatch
from connectors.tags import Tag, TagTable
from edge_gateway.live import LiveTags

TABLE = TagTable("pump", (Tag("flow", unit="m3/h"), Tag("head", unit="m")))
SECOND = 10**9


def block(*samples: tuple[int, int, float, int], origin: Origin = Origin.LIVE) -> SampleBatch:
    """(tag, second, value, status) each."""
    tag, seconds, value, status = zip(*samples, strict=True)
    return SampleBatch(
        TABLE,
        np.array(tag, np.uint16),
        np.array(seconds, np.int64) * SECOND,
        np.array(value),
        np.array(status, np.uint32),
        max(seconds) * SECOND,
        origin,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, [TABLE], JournalSettings())
    yield writer
    writer.close()


def values(live: LiveTags) -> dict[str, object]:
    live.look()
    return {one["tag"]: (one["value"], one["quality"]) for one in live.told()}


def test_the_last_of_each_tag(journal: JournalWriter, tmp_path: Path) -> None:
    live = LiveTags(tmp_path)
    assert values(live) == {}
    journal.append([block((0, 1, 5.0, 0), (1, 1, 7.0, 0), (0, 2, 6.0, 0))])
    assert values(live) == {"flow": (6.0, "good"), "head": (7.0, "good")}
    journal.append([block((0, 3, float("nan"), 0x800A0000))])
    assert values(live)["flow"] == (None, "bad")
    (flow, head) = live.told()
    assert (flow["unit"], flow["time"], flow["status"]) == ("m3/h", 3 * SECOND, "0x800A0000")
    assert flow["curve"] == [6.0, None]
    assert head["curve"] == [7.0], "a tag that sends nothing has no new points"


def test_a_tag_that_seldom_changes_has_a_value_when_somebody_begins_to_look(
    journal: JournalWriter, tmp_path: Path
) -> None:
    journal.append([block((1, 1, 7.0, 0x40000000))])
    journal.append([block((0, 2, 5.0, 0))])
    assert values(LiveTags(tmp_path)) == {"flow": (5.0, "good"), "head": (7.0, "uncertain")}


def test_what_fills_a_hole_of_the_past_is_no_news(journal: JournalWriter, tmp_path: Path) -> None:
    journal.append([block((0, 9, 5.0, 0))])
    journal.append([block((0, 4, 1.0, 0), origin=Origin.BACKFILLED)])
    assert values(LiveTags(tmp_path))["flow"] == (5.0, "good")


def test_looking_goes_on_after_a_rest(journal: JournalWriter, tmp_path: Path) -> None:
    live = LiveTags(tmp_path)
    journal.append([block((0, 1, 5.0, 0))])
    live.look()
    live.close()
    journal.append([block((0, 2, 6.0, 0))])
    assert values(live)["flow"] == (6.0, "good")


def test_many_blocks_at_once_as_one_by_one(journal: JournalWriter, tmp_path: Path) -> None:
    """A page that is opened late reads a whole segment; one that was open saw every block."""
    rng = np.random.default_rng(2)
    early, late = LiveTags(tmp_path), LiveTags(tmp_path)
    for second in range(100, 200):
        samples = [(int(tag), second, float(rng.normal()), 0) for tag in rng.integers(0, 2, 5)]
        journal.append([block(*samples)])
        early.look()
    journal.append([block((0, 50, 9.0, 0), origin=Origin.BACKFILLED)])
    early.look()
    late.look()
    for key, tag in late.tags.items():
        seen = early.tags[key]
        assert (tag.value, tag.time, tag.status) == (seen.value, seen.time, seen.status)
        assert tag.rate(200) == seen.rate(200) > 0
