"""Fault B5 over a channel: whatever happens on the way, the active model goes on; what failed is not tried again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from bundles import make_bundle
from following import HOUR, KEY, Following

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.targets.base import Fetched
from cloud_sink.targets.file import FileTarget
from edge_gateway.channels import fetching
from models.bundle import BUNDLE_FILES, MANIFEST, MODEL, SIGNATURE
from models.channel import channel_key
from models.errors import BundleRejected


@pytest.fixture
def gateway(tmp_path: Path) -> Following:
    """Version 1 is served."""
    gateway = Following(tmp_path)
    gateway.issue(gateway.push("1"), 1)
    assert gateway.turn() == ""
    assert gateway.life.active == "1"
    return gateway


def test_a_version_becomes_a_shadow_then_the_active_one(gateway: Following) -> None:
    gateway.issue(gateway.push("2"), 2)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", "2")
    gateway.shadowed(49)
    gateway.turn()
    assert gateway.life.active == "1"
    gateway.shadowed(50)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow, gateway.life.previous) == ("2", None, ("1",))
    assert gateway.told == [("1", "added"), ("1", "promoted"), ("2", "added"), ("2", "shadowed"), ("2", "promoted")]
    assert {one.by for one in gateway.store.read().changes} == {"channel stable"}


def test_what_has_not_changed_is_not_sent_again(gateway: Following) -> None:
    for _ in range(3):
        gateway.turn()
    assert gateway.asked[-3:] == [(channel_key("press", "stable"), "unchanged")] * 3
    assert sum(outcome == "fetched" for _, outcome in gateway.asked) == 1 + len(BUNDLE_FILES)


class Away:
    """A shelf that cannot be reached, or dies in the middle."""

    name = "file:away"

    def __init__(self, shelf: FileTarget, lets: int, error: BaseException) -> None:
        self.shelf, self.lets, self.error = shelf, lets, error
        self.asked: list[str] = []

    def fetch(self, key: str, most: int, tag: str = "") -> Fetched:
        if self.lets == 0:
            raise self.error
        self.lets -= 1
        self.asked.append(key.rpartition("/")[2])
        return self.shelf.fetch(key, most, tag)

    def put(self, key: str, data: bytes) -> Any:
        raise AssertionError(key)

    replace = put


def test_b5_the_target_is_away(gateway: Following) -> None:
    gateway.issue(gateway.push("2"), 2)
    gateway.shelf = Away(
        FileTarget(gateway.place), 0, TransientDeliveryError(TransientReason.UNREACHABLE, "nobody there")
    )
    gateway.start()
    before = gateway.told
    for _ in range(3):
        assert "nobody there" in gateway.turn()
    assert gateway.life.active == "1"
    assert gateway.told == before
    assert gateway.asked[-1] == (channel_key("press", "stable"), "unreachable")
    gateway.now += 8 * 24 * HOUR
    gateway.turn()
    assert gateway.told[-1] == ("channel-stable", "channel_old")
    assert "last answer 8d ago" in gateway.why


def test_b5_a_shadow_goes_on_while_the_target_is_away_and_over_a_restart(gateway: Following) -> None:
    gateway.issue(gateway.push("2"), 2)
    gateway.turn()
    shutil.rmtree(gateway.place)
    gateway.start()
    gateway.shadowed()
    assert gateway.follower.step()
    assert gateway.life.active == "2"


@pytest.mark.parametrize("lets", [1, 2, 4, 8])
def test_b5_killed_while_it_fetches(gateway: Following, lets: int) -> None:
    """It goes on with the file that it was at, after a restart."""
    gateway.issue(gateway.push("2"), 2)
    away = Away(FileTarget(gateway.place), lets, SystemExit())
    gateway.shelf = away
    gateway.start()
    with pytest.raises(SystemExit):
        gateway.turn()
    assert gateway.store.versions() == {"press": ["1"]}
    again = Away(FileTarget(gateway.place), -1, SystemExit())
    gateway.shelf = again
    gateway.start()
    assert gateway.turn() == ""
    assert gateway.life.shadow == "2"
    twice = set(away.asked) & set(again.asked)
    assert twice <= {"channel-stable.signed", MANIFEST, SIGNATURE}
    assert list(gateway.root.glob("incoming/*")) == []


def test_b5_no_room_on_the_disk(gateway: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.issue(gateway.push("2"), 2)
    usage = shutil.disk_usage(gateway.root)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage._replace(free=fetching.SPARE_BYTES))
    for _ in range(2):
        assert "no room for" in gateway.turn()
    assert gateway.told[-2:] == [("1", "promoted"), ("2", "refused")]
    assert all(MODEL not in key or "/1/" in key for key, _ in gateway.asked)
    monkeypatch.undo()
    assert gateway.turn() == ""
    assert gateway.life.shadow == "2"


def test_b5_what_did_not_stand_the_trial_is_not_fetched_again(tmp_path: Path) -> None:
    def dies(folder: Path, *_: object) -> object:
        raise BundleRejected(folder, "the process that opened it ended by SIGSEGV", "train another one")

    gateway = Following(tmp_path, try_out=dies)
    gateway.issue(gateway.push("1"), 1)
    gateway.turn()
    assert gateway.life.active is None
    assert gateway.told == [("1", "refused")]
    assert "SIGSEGV" in gateway.why
    asked = len(gateway.asked)
    gateway.start()
    for _ in range(3):
        gateway.turn()
    assert {key for key, _ in gateway.asked[asked:]} == {channel_key("press", "stable")}
    assert list(gateway.root.glob("incoming/*")) == []
    gateway.issue(gateway.pick("1"), 2)  # the same bundle, asked for anew
    gateway.turn()
    assert gateway.store.versions() == {}


def test_b5_a_bundle_that_does_not_fit_is_taken_once_the_configuration_does(tmp_path: Path) -> None:
    gateway = Following(tmp_path)
    fits, gateway.config = gateway.config, gateway.config.replace('every = "1s"', 'every = "2s"')
    gateway.start()
    gateway.issue(gateway.push("1"), 1)
    for _ in range(3):
        gateway.turn()
    assert gateway.told == [("1", "refused")]
    assert "was trained on windows of 2s every 1s" in gateway.why
    gateway.config = fits
    gateway.start()
    gateway.turn()
    assert gateway.life.active == "1"


@pytest.mark.parametrize(
    ("shown", "why"),
    [({"errors": 1, "last_error": "slow"}, "failed 1 times"), ({"only_shadow": 30}, "alarmed in 30 of 50 windows")],
)
def test_b5_a_shadow_that_is_no_good_ends_and_is_not_tried_again(
    gateway: Following, shown: dict[str, Any], why: str
) -> None:
    gateway.issue(gateway.push("2"), 2)
    gateway.turn()
    gateway.shadowed(**shown)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", None)
    assert why in gateway.life.failed["2"]
    gateway.start()
    gateway.issue(gateway.pick("2"), 3)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", None)
    assert gateway.told[-1] == ("2", "failed")


def test_the_channel_goes_back(gateway: Following) -> None:
    """By a higher counter, though the bundle's own is lower; and without a shadow, for it was active before."""
    gateway.issue(gateway.push("2"), 2)
    gateway.turn()
    gateway.shadowed()
    gateway.turn()
    assert gateway.life.active == "2"
    gateway.issue(gateway.pick("1"), 3)
    gateway.turn()
    assert (gateway.life.active, gateway.life.previous, gateway.life.failed) == ("1", (), {})
    assert gateway.life.promoted_at == 0
    assert "issue 3 goes back" in gateway.why


def test_those_who_are_not_chosen_serve_what_the_others_do(tmp_path: Path) -> None:
    gateway = Following(tmp_path)
    gateway.issue(gateway.push("2"), 1, percent=0, others=gateway.push("1"))
    gateway.turn()
    assert gateway.life.active == "1"
    assert gateway.store.versions() == {"press": ["1"]}
    gateway.issue(gateway.pick("2"), 2, percent=0)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", None)
    gateway.issue(gateway.pick("2"), 3, sites=("hillside",))
    gateway.turn()
    assert gateway.life.shadow is None
    gateway.issue(gateway.pick("2"), 4, sites=("hillside", "riverside"))
    gateway.turn()
    assert gateway.life.shadow == "2"


def test_a_shadow_by_the_channel_is_never_promoted_and_ends_with_it(tmp_path: Path) -> None:
    gateway = Following(tmp_path)
    gateway.issue(gateway.push("2"), 1, mode="shadow", others=gateway.push("1"))
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", "2")
    gateway.shadowed(5000)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", "2")
    gateway.issue(gateway.pick("1"), 2)
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", None)


def test_versions_that_nothing_needs_any_more_go(gateway: Following) -> None:
    for version in ("2", "3", "4"):
        gateway.issue(gateway.push(version), int(version))
        gateway.turn()
        gateway.shadowed()
        gateway.turn()
    assert gateway.life.previous == ("3", "2")
    assert gateway.store.versions() == {"press": ["2", "3", "4"]}


def test_a_version_of_the_same_name_that_a_person_added_is_not_overwritten(gateway: Following) -> None:
    pick = gateway.push("2")
    other = gateway.made / "other"
    make_bundle(other, "2", seed=77)
    (other / SIGNATURE).write_bytes(KEY.sign((other / MANIFEST).read_bytes()))
    gateway.store.add(other)
    gateway.issue(pick, 2)
    gateway.turn()
    assert "another bundle of this version is in the store" in gateway.why
    assert gateway.life.active == "1"


def test_b5_a_bundle_that_does_not_fit_is_taken_once_a_reload_makes_it_fit(tmp_path: Path) -> None:
    gateway = Following(tmp_path)
    fits = gateway.follower._config
    gateway.config = gateway.config.replace('every = "1s"', 'every = "2s"')
    gateway.start()
    gateway.issue(gateway.push("1"), 1)
    gateway.turn()
    assert gateway.life.active is None
    gateway.follower.take(fits)
    gateway.turn()
    assert gateway.life.active == "1"
