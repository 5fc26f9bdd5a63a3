"""Impossible settings are refused with the key, the value and the rule."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress, parse_node
from connectors.opcua.settings import OpcUaSettings, OpcUaTag

SECURE: dict[str, Any] = {
    "name": "plc",
    "endpoint": "opc.tcp://plc:4840/path",
    "application_uri": "urn:x",
    "certificate": Path("c.der"),
    "private_key": Path("k.pem"),
    "trust_folder": Path("trust"),
}


def test_defaults_are_secure_and_bridge_half_a_minute() -> None:
    settings = OpcUaSettings(**SECURE)
    tag = OpcUaTag("a", "t", "nsu=urn:x;s=y")
    assert (settings.policy, settings.mode) == ("Basic256Sha256", "SignAndEncrypt")
    assert settings.sampling_of(tag) == timedelta(milliseconds=250)
    assert settings.queue_of(tag) == 120
    assert settings.queue_of(OpcUaTag("a", "t", "i=2258", sampling_interval=timedelta(seconds=10))) == 10
    assert settings.queue_of(OpcUaTag("a", "t", "i=2258", queue_size=3)) == 3
    assert settings.queue_of(OpcUaTag("a", "t", "i=2258", sampling_interval=timedelta(0))) == 1000


def test_a_tag_with_a_publishing_interval_of_its_own_is_sampled_and_kept_to_fit() -> None:
    tag = OpcUaTag("a", "t", "nsu=urn:x;s=y", publishing_interval=timedelta(seconds=4))
    settings = OpcUaSettings(**SECURE, priority=3, tags=(tag, OpcUaTag("a", "u", "i=2258", priority=0)))
    assert (settings.sampling_of(tag), settings.queue_of(tag)) == (timedelta(seconds=2), 15)
    assert [settings.group_of(0), settings.group_of(1)] == [(timedelta(seconds=4), 3), (timedelta(seconds=0.5), 0)]
    assert settings.time_policy.fresh == timedelta(seconds=8)


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(OpcUaSettings(**SECURE, user="u", password="hunter2"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"endpoint": "http://plc"}, "endpoint"),
        ({"endpoint": "opc.tcp://plc"}, "opc.tcp://host:port"),
        ({"endpoint": "opc.tcp://plc:99999999"}, "is no URL"),
        ({"endpoint": "opc.tcp://me:hunter2@plc:4840"}, "credentials"),
        ({"mode": "None"}, "does not fit policy"),
        ({"certificate": None}, "certificate"),
        ({"trust_folder": None}, "exactly one"),
        ({"server_certificate": Path("s.der")}, "exactly one"),
        ({"password": "hunter2"}, "user"),
        ({"user_certificate": Path("u.der")}, "set both or neither"),
        ({"user_certificate": Path("u.der"), "user_key": Path("u.pem"), "user": "u"}, "without user and password"),
        ({"policy": "best", "mode": "None"}, "does not fit policy"),
        ({"policy": "None", "mode": "None", "user": "u", "password": "hunter2"}, "readable"),
        ({"keepalive": timedelta(0)}, "keepalive"),
        ({"reconnect_min": timedelta(minutes=1)}, "reconnect_min"),
        ({"publish_in_flight": 0}, "publish_in_flight"),
        ({"priority": 256}, "within 0 and 255"),
        ({"tags": (OpcUaTag("a", "t", "i=1"), OpcUaTag("a", "t", "i=2"))}, "a/t"),
    ],
)
def test_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text) as refusal:
        OpcUaSettings(**{**SECURE, **changes})
    assert "plc" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nsu=urn:x;s=a.b", NodeAddress("urn:x", "s", "a.b")),
        ("nsu=http://plc/UA/;i=77", NodeAddress("http://plc/UA/", "i", 77)),
        ("nsu=urn:x;s=a;s=b", NodeAddress("urn:x", "s", "a;s=b")),
        ("nsu=urn:x;b=aGk=", NodeAddress("urn:x", "b", b"hi")),
        (
            "nsu=urn:x;g=09087e75-8e5e-499b-954f-f2a9603db28a",
            NodeAddress("urn:x", "g", uuid.UUID("09087e75-8e5e-499b-954f-f2a9603db28a")),
        ),
        ("i=2258", NodeAddress(STANDARD_NAMESPACE, "i", 2258)),
    ],
)
def test_node_addresses(text: str, expected: NodeAddress) -> None:
    assert parse_node(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ns=2;s=a", "may change when the server restarts"),
        ("nsu=urn:x", "write nsu="),
        ("nsu=urn:x;i=-1", "32 bits"),
        ("nsu=urn:x;i=x", "no identifier"),
        ("nsu=urn:x;g=1", "no identifier"),
        ("nsu=urn:x;b=*", "no identifier"),
        ("", "write nsu="),
    ],
)
def test_node_addresses_that_are_none(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        OpcUaTag("a", "t", text)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"publishing_interval": timedelta(hours=2)}, "publishing_interval 2:00:00 must be within"),
        ({"priority": 256}, "priority 256 must be within 0 and 255"),
        ({"deadband": 0.0}, "deadband 0.0 must be above 0"),
        ({"deadband": float("nan")}, "must be above 0"),
        ({"deadband_percent": 101.0}, "at most 100"),
        ({"deadband": 1.0, "deadband_percent": 1.0}, "set one of them"),
        ({"deadband": 1.0, "trigger": "status"}, "leave out the deadband"),
    ],
)
def test_tags_that_cannot_be(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"a/t: .*{text}"):
        OpcUaTag("a", "t", "i=1", **changes)
