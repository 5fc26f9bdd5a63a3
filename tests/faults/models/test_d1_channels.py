"""Fault D1 over a channel: whatever lies in the bucket, what was not signed for this place and time gets nowhere."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from bundles import make_bundle
from following import HOUR, KEY, NEXT_KEY, STRANGER, Following
from onnx import TensorProto

from models.bundle import GOLDEN, MANIFEST, MODEL, SIGNATURE
from models.channel import MOST_BYTES, SCHEMA, channel_key
from models.life.record import Life


@pytest.fixture
def gateway(tmp_path: Path) -> Following:
    """Version 1 is served; version 2 lies there and nobody has asked for it."""
    gateway = Following(tmp_path)
    gateway.issue(gateway.push("1"), 5)
    assert gateway.turn() == ""
    assert gateway.life.active == "1"
    gateway.push("2")
    return gateway


def file_of(gateway: Following, name: str) -> Path:
    return gateway.place / "models" / "press" / "2" / name


def bad_signature(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6, key=STRANGER)


def not_signed(gateway: Following) -> None:
    gateway.put(gateway.issue(gateway.pick("2"), 6).split(b"\n", 1)[1])


def changed(gateway: Following) -> None:
    gateway.put(gateway.issue(gateway.pick("2"), 6, percent=0).replace(b'"percent": 0', b'"percent": 9'))


def truncated(gateway: Following) -> None:
    gateway.put(gateway.issue(gateway.pick("2"), 6)[:-40])


def large_channel(gateway: Following) -> None:
    path = gateway.place / channel_key("press", "stable")
    path.write_bytes(bytes(MOST_BYTES + 1))


def older_counter(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 4)


def same_counter(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 5)


def expired(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6, issued=gateway.now - 2 * HOUR, not_after=gateway.now - HOUR)


def of_another_model(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6, name="pump")


def of_another_channel(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6, channel="canary")


def of_newer_software(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6, schema=SCHEMA + 1)


def out_of_the_store(gateway: Following) -> None:
    raw = gateway.issue(gateway.pick("2"), 6).split(b"\n", 1)[1].replace(b'"version": "2"', b'"version": "../../x"')
    gateway.put(base64.b64encode(KEY.sign(raw)) + b"\n" + raw)


CHANNELS: dict[str, tuple[Callable[[Following], None], str]] = {
    "a bad signature": (bad_signature, "trusted_keys signed it"),
    "no signature": (not_signed, "trusted_keys signed it"),
    "changed after it was signed": (changed, "trusted_keys signed it"),
    "truncated": (truncated, "trusted_keys signed it"),
    "one that is too large": (large_channel, "larger than"),
    "an older counter": (older_counter, "counter 4 is older than 5"),
    "the same counter": (same_counter, "two wrote at a time"),
    "expired": (expired, "its time was over"),
    "of another model": (of_another_model, "put in the place of another"),
    "of another channel": (of_another_channel, "put in the place of another"),
    "of newer software": (of_newer_software, "schema"),
    "a version that leads out of the store": (out_of_the_store, "must be a name"),
}


@pytest.mark.parametrize("attack", CHANNELS)
def test_d1_a_channel_that_is_not_what_it_should_be_changes_nothing(gateway: Following, attack: str) -> None:
    act, rule = CHANNELS[attack]
    act(gateway)
    before = len(gateway.told)
    for _ in range(3):
        gateway.turn()
    assert gateway.life.active == "1"
    assert gateway.store.versions() == {"press": ["1"]}
    assert gateway.told[before:] == [("channel-stable", "channel_refused")]  # once, however often it is asked
    assert rule in gateway.why
    assert all("/2/" not in key for key, _ in gateway.asked)  # nothing of it was even asked for
    gateway.issue(gateway.pick("2"), 7)
    gateway.turn()
    assert gateway.life.shadow == "2"


def rewrite(gateway: Following, **change: object) -> None:
    """A bundle that somebody with the key made so: the signature is right."""
    path = file_of(gateway, MANIFEST)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    file_of(gateway, SIGNATURE).write_bytes(KEY.sign(path.read_bytes()))


def put(gateway: Following, name: str, content: bytes) -> None:
    file_of(gateway, name).write_bytes(content)
    entries = json.loads(file_of(gateway, MANIFEST).read_text())["files"]
    for entry in entries:
        if entry["name"] == name:
            entry.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    rewrite(gateway, files=entries)


def renamed(name: str) -> Callable[[Following], None]:
    def attack(gateway: Following) -> None:
        entries = json.loads(file_of(gateway, MANIFEST).read_text())["files"]
        entries[0]["name"] = name
        rewrite(gateway, files=entries)

    return attack


def large(gateway: Following) -> None:
    entries = json.loads(file_of(gateway, MANIFEST).read_text())["files"]
    entries[0]["size"] = 1 << 40
    rewrite(gateway, files=entries)


def of_another_name(gateway: Following) -> None:
    rewrite(gateway, name="pump")


def zip_bomb(gateway: Following) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.npy", bytes(40 << 20))
    put(gateway, GOLDEN, buffer.getvalue())


def weights_elsewhere(gateway: Following) -> None:
    model = onnx.load_from_string(file_of(gateway, MODEL).read_bytes())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../secret")
    put(gateway, MODEL, model.SerializeToString())


def signed_by_a_stranger(gateway: Following) -> None:
    file_of(gateway, SIGNATURE).write_bytes(STRANGER.sign(file_of(gateway, MANIFEST).read_bytes()))


BUNDLES: dict[str, tuple[Callable[[Following], None], str]] = {
    **{
        f"a file called {name!r}": (renamed(name), "it must list")
        for name in ("../../../models.json", "/etc/passwd", "a/b", "", ".hidden", "model.onnx\n", MANIFEST)
    },
    "a file of 1 TB": (large, "at most"),
    "a manifest of another model": (of_another_name, "put in the place of another"),
    "a zip bomb": (zip_bomb, "inflates to more than"),
    "weights outside": (weights_elsewhere, "external data"),
    "a bundle of a stranger's": (signed_by_a_stranger, "signed this manifest"),
}


@pytest.mark.parametrize("attack", BUNDLES)
def test_d1_a_bundle_that_is_not_what_it_should_be_gets_no_further_than_the_door(
    gateway: Following, attack: str
) -> None:
    """The channel is good, and names this very bundle: a signature says who made it, not that it is sound."""
    act, rule = BUNDLES[attack]
    act(gateway)
    gateway.issue(gateway.pick("2"), 6)
    before = len(gateway.told)
    for _ in range(3):
        gateway.turn()
    assert gateway.life == Life(active="1", counter=1, promoted_at=gateway.life.promoted_at)
    assert gateway.told[before:] == [("2", "refused")]
    assert rule in gateway.why
    assert gateway.store.versions() == {"press": ["1"]}
    assert {path.name for path in gateway.root.iterdir()} <= {
        *("models", "models.json", "models.lock", "channels.json", "egress.jsonl", "incoming")
    }
    assert not [path for path in gateway.root.glob("incoming/*/*") if path.name == MODEL and "TB" not in attack]


def wrong_hash(gateway: Following) -> None:
    data = bytearray(file_of(gateway, MODEL).read_bytes())
    data[-1] ^= 1
    file_of(gateway, MODEL).write_bytes(data)


def cut_short(gateway: Following) -> None:
    file_of(gateway, MODEL).write_bytes(file_of(gateway, MODEL).read_bytes()[:-1])


def longer(gateway: Following) -> None:
    file_of(gateway, MODEL).write_bytes(file_of(gateway, MODEL).read_bytes() + b"\0")


def missing(gateway: Following) -> None:
    file_of(gateway, MODEL).unlink()


def a_pipe(gateway: Following) -> None:
    missing(gateway)
    os.mkfifo(file_of(gateway, MODEL))


def endless(gateway: Following) -> None:
    missing(gateway)
    file_of(gateway, MODEL).symlink_to("/dev/zero")


def another_manifest(gateway: Following) -> None:
    """An older bundle of the same version, signed by the key: mix and match."""
    made = make_bundle(gateway.made / "2b", "2", seed=9, counter=0)
    gateway.push("2", made=made)


MENDABLE: dict[str, tuple[Callable[[Following], None], str]] = {
    "a wrong hash": (wrong_hash, "which are not the"),
    "a truncated file": (cut_short, "which are not the"),
    "a file that is longer": (longer, "larger than its manifest says"),
    "a missing file": (missing, "it is not there"),
    "a pipe": (a_pipe, "it is not there"),
    "an endless file": (endless, "it is not there"),
    "another manifest": (another_manifest, "not the manifest that the channel names"),
}


@pytest.mark.parametrize("attack", MENDABLE)
def test_d1_what_was_changed_in_the_bucket_is_refused_and_taken_once_it_is_mended(
    gateway: Following, attack: str, tmp_path: Path
) -> None:
    good = {path.name: path.read_bytes() for path in file_of(gateway, MODEL).parent.iterdir()}
    gateway.issue(gateway.pick("2"), 6)
    act, rule = MENDABLE[attack]
    act(gateway)
    before = len(gateway.told)
    for _ in range(2):
        assert rule in gateway.turn()
    assert gateway.life.active == "1"
    assert gateway.store.versions() == {"press": ["1"]}
    assert gateway.told[before:] == [("2", "refused")]
    for name, data in good.items():
        file_of(gateway, name).unlink(missing_ok=True)
        file_of(gateway, name).write_bytes(data)
    assert gateway.turn() == ""
    assert gateway.life.shadow == "2"


def test_d1_a_freeze_is_told_by_its_age_and_the_active_model_goes_on(gateway: Following) -> None:
    """Somebody shows the same issue, validly signed, for ever."""
    before = len(gateway.told)
    gateway.now += 7 * 24 * HOUR
    gateway.turn()
    assert len(gateway.told) == before
    gateway.now += HOUR
    for _ in range(3):
        gateway.turn()
    assert gateway.told[before:] == [("channel-stable", "channel_old")]
    assert "it was issued 169h ago" in gateway.why
    gateway.now += 30 * 24 * HOUR
    gateway.issue(gateway.pick("2"), 6)
    gateway.turn()
    assert gateway.life.shadow == "2"
    assert "channel_old" not in gateway.follower._notes.kept.told  # told again the next time


def test_d1_after_its_time_a_channel_starts_nothing_any_more(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6, not_after=gateway.now + HOUR)
    gateway.turn()
    gateway.shadowed()
    gateway.now += HOUR
    gateway.turn()
    assert (gateway.life.active, gateway.life.shadow) == ("1", "2")
    assert gateway.told[-1] == ("channel-stable", "channel_old")
    gateway.now -= 1
    gateway.turn()
    assert gateway.life.active == "2"


def test_d1_an_older_issue_is_refused_after_a_restart_as_well(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6)
    gateway.turn()
    gateway.start()
    gateway.issue(gateway.pick("1"), 5)
    gateway.turn()
    assert "counter 5 is older than 6" in gateway.why
    assert gateway.life.shadow == "2"


def test_d1_counters_that_cannot_be_read_are_not_forgotten(gateway: Following) -> None:
    (gateway.root / "channels.json").write_text("{}")
    with pytest.raises(Exception, match="move it away"):
        gateway.start()


def test_d1_keys_are_changed_without_a_gap(gateway: Following) -> None:
    gateway.keys = (KEY, NEXT_KEY)
    gateway.start()
    pick = gateway.push("3", key=NEXT_KEY)
    gateway.issue(pick, 6, key=NEXT_KEY)
    gateway.turn()
    assert gateway.life.shadow == "3"
    gateway.keys = (NEXT_KEY,)
    gateway.start()
    gateway.shadowed()
    assert gateway.turn() == ""
    assert gateway.life.active == "3"
    gateway.issue(gateway.push("4"), 7, key=KEY)  # which is not trusted any more
    gateway.turn()
    assert gateway.told[-1] == ("channel-stable", "channel_refused")


def test_d1_an_issue_of_a_key_that_is_not_trusted_any_more_is_not_gone_on_with(gateway: Following) -> None:
    gateway.issue(gateway.pick("2"), 6)
    gateway.follower.poll()
    gateway.keys = (NEXT_KEY,)
    gateway.start()
    assert not gateway.follower.step()
    assert gateway.life.shadow is None


def test_d1_a_gateway_that_was_off_for_weeks_is_not_alarmed_by_what_it_hears_at_once(gateway: Following) -> None:
    gateway.now += 10 * 24 * HOUR
    gateway.issue(gateway.pick("2"), 6)
    gateway.turn()
    assert gateway.life.shadow == "2"
    assert all(step != "channel_old" for _, step in gateway.told)


def test_d1_a_counter_that_cannot_be_written_is_not_acted_upon(
    gateway: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.issue(gateway.pick("2"), 6)

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr("edge_gateway.channels.kept.replace_file", full)
    with pytest.raises(OSError, match="no space"):
        gateway.turn()
    gateway.follower.step()
    assert gateway.store.versions() == {"press": ["1"]}
    monkeypatch.undo()
    gateway.turn()
    assert gateway.life.shadow == "2"
