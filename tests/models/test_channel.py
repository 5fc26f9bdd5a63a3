"""A channel is believed only as it was signed, for what it was signed for, and once."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.channel import (
    MOST_BYTES,
    SCHEMA,
    Channel,
    Pick,
    Rollout,
    Seen,
    bundle_key,
    channel_key,
    check_fresh,
    chosen,
    read_channel,
    write_channel,
)
from models.errors import ChannelRefused
from models.signature import ANYBODY, TrustedKeys, public_text

OLD, NEW, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
TRUSTED = TrustedKeys([public_text(OLD), public_text(NEW)])
PICK = Pick("2", "ab" * 32)
CHANNEL = Channel(
    SCHEMA,
    "press",
    "stable",
    7,
    1_000,
    2_000,
    PICK,
    percent=20,
    sites=("riverside",),
    others=Pick("1", "cd" * 32),
    rollout=Rollout((20, 100), 10, 1, 20, 5),
    halted={"0": "a storm"},
)


def test_it_is_read_as_it_was_written_with_either_key() -> None:
    for key in (OLD, NEW):
        assert read_channel(write_channel(CHANNEL, key.sign), TRUSTED, "press", "stable") == CHANNEL


def test_keys_of_places() -> None:
    assert channel_key("press", "canary") == "models/press/channel-canary.signed"
    assert bundle_key("press", "2", "model.onnx") == "models/press/2/model.onnx"


SIGNED = write_channel(CHANNEL, NEW.sign)
LINE, TEXT = SIGNED.split(b"\n", 1)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        pytest.param(write_channel(CHANNEL, STRANGER.sign), "trusted_keys signed it", id="of a stranger"),
        pytest.param(SIGNED.replace(b'"percent": 20', b'"percent": 99'), "trusted_keys signed it", id="changed"),
        pytest.param(SIGNED + b" ", "trusted_keys signed it", id="a byte more"),
        pytest.param(SIGNED[:-1], "trusted_keys signed it", id="truncated"),
        pytest.param(TEXT, "trusted_keys signed it", id="without a signature"),
        pytest.param(base64.b64encode(bytes(64)) + b"\n" + TEXT, "trusted_keys signed it", id="zeros for a signature"),
        pytest.param(b"", "trusted_keys signed it", id="nothing"),
        pytest.param(b"\xff" * 99, "trusted_keys signed it", id="rubbish"),
        pytest.param(LINE + b"\n" + b"{" * MOST_BYTES, "larger than", id="large"),
    ],
)
def test_what_was_not_signed_so_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(ChannelRefused, match=rule):
        read_channel(data, TRUSTED, "press", "stable")


def test_without_keys_nobody_is_believed() -> None:
    with pytest.raises(ChannelRefused, match="trusted_keys"):
        read_channel(SIGNED, ANYBODY, "press", "stable")


@pytest.mark.parametrize(("name", "channel"), [("pump", "stable"), ("press", "canary")])
def test_one_is_not_taken_for_another(name: str, channel: str) -> None:
    with pytest.raises(ChannelRefused, match="put in the place of another"):
        read_channel(SIGNED, TRUSTED, name, channel)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b'"schema": 1', b'"schema": 2', "this software reads schema 1"),
        (b'"percent": 20', b'"percent": 200', "must be from 0 to 100"),
        (b'"percent": 20', b'"percent": 20, "more": 1', "more"),
        (b'"name": "press"', b'"name": "../press"', "first a letter"),
        (b'"version": "2"', b'"version": "../2"', "must be a name"),
        (b'"riverside"', b'"a/b"', "sites"),
        (b'"counter": 7', b'"counter": -7', "0 or more"),
        (b'"not_after": 2000', b'"not_after": 1000', "after issued"),
    ],
)
def test_a_signature_makes_nothing_sound(old: bytes, new: bytes, rule: str) -> None:
    text = TEXT.replace(old, new)
    assert text != TEXT
    with pytest.raises(ChannelRefused, match=rule):
        read_channel(base64.b64encode(NEW.sign(text)) + b"\n" + text, TRUSTED, "press", "stable")


@pytest.mark.parametrize(
    ("seen", "now", "rule"),
    [
        (Seen(8, "aa"), 1_500, "counter 7 is older than 8"),
        (Seen(7, "aa"), 1_500, "two wrote at a time"),
        (None, 2_000, "its time was over"),
    ],
)
def test_old_issues_get_nowhere(seen: Seen | None, now: int, rule: str) -> None:
    with pytest.raises(ChannelRefused, match=rule):
        check_fresh(CHANNEL, "bb", seen, now)


def test_a_newer_issue_and_the_same_one_are_taken() -> None:
    check_fresh(CHANNEL, "bb", Seen(6, "aa"), 1_999)
    check_fresh(CHANNEL, "bb", Seen(7, "bb"), 1_999)
    check_fresh(CHANNEL, "bb", None, 1_999)


def test_the_share_is_what_it_says_and_whoever_is_in_stays_in() -> None:
    gateways = [f"gw-{number}" for number in range(2000)]
    before: set[str] = set()
    for percent in (0, 5, 20, 60, 100):
        channel = replace(CHANNEL, sites=(), percent=percent)
        now = {name for name in gateways if chosen(channel, "riverside", name)}
        assert before <= now
        assert abs(len(now) / 20 - percent) < 3.5  # three standard deviations of a share of 2,000 at most
        before = now
    assert len(before) == 2000


def test_another_version_begins_with_others_and_sites_are_kept_apart() -> None:
    gateways = [f"gw-{number}" for number in range(500)]
    first = replace(CHANNEL, sites=())
    second = replace(first, wanted=Pick("3", "ef" * 32))
    assert [chosen(first, "a", name) for name in gateways] != [chosen(second, "a", name) for name in gateways]
    assert [chosen(first, "a", name) for name in gateways] != [chosen(first, "b", name) for name in gateways]
    whole = replace(CHANNEL, percent=100)
    assert chosen(whole, "riverside", "gw-1")
    assert not chosen(whole, "hillside", "gw-1")


def test_the_share_is_the_one_of_the_documentation() -> None:
    """printf 'riverside/gw-12' | sha256sum begins with 15a02e49, which is 362819145: 45 of 100."""
    assert not chosen(replace(CHANNEL, percent=45), "riverside", "gw-1")
    assert chosen(replace(CHANNEL, percent=46), "riverside", "gw-1")


@pytest.mark.parametrize("stages", [(), (0, 100), (20, 20, 100), (60, 20, 100), (20, 60), (20, 120)])
def test_stages_rise_to_100(stages: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must rise from above 0 to 100"):
        Rollout(stages, 1, 1, 1, 0)
