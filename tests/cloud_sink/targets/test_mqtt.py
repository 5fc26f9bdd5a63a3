from __future__ import annotations

import gzip
import hashlib

import pytest

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.settings import Naming
from cloud_sink.targets.mqtt import MqttTarget
from cloud_sink.uplink.mqtt import BrokerRefused
from cloud_sink.uplink.words import LinkError, Origin, Trouble

DATA = gzip.compress(b'{"key":"a"}\n{"key":"b"}\n')


class ScriptedBroker:
    def __init__(self, failure=None):
        self.sent = 0
        self.failure = failure
        self.published = []

    def publish(self, topic, messages):
        self.sent += 77
        if self.failure is not None:
            raise self.failure
        self.published += [(topic, message) for message in messages]


def target(broker):
    return MqttTarget(broker, Origin("mqtts", "hub", 8883), "plants/north", Naming("riverside", "gw-1", "1"))


@pytest.mark.parametrize("kind", ["alerts", "events"])
def test_a_message_for_each_record(kind):
    broker = ScriptedBroker()
    receipt = target(broker).put(f"{kind}/v1/site=x/k.jsonl.gz", DATA)
    topic = f"plants/north/riverside/gw-1/{kind}"
    assert broker.published == [(topic, b'{"key":"a"}'), (topic, b'{"key":"b"}')]
    assert (receipt.sha256, receipt.wire) == (hashlib.sha256(DATA).hexdigest(), 77)
    assert target(broker).name == "mqtts://hub/plants/north/riverside/gw-1"


@pytest.mark.parametrize(
    ("failure", "reason", "hold"),
    [
        (BrokerRefused(1), TransientReason.PROTOCOL, True),
        (BrokerRefused(2), TransientReason.PROTOCOL, True),
        (BrokerRefused(3), TransientReason.SERVER_ERROR, False),
        (BrokerRefused(4), TransientReason.CREDENTIALS, True),
        (BrokerRefused(5), TransientReason.CREDENTIALS, True),
        (BrokerRefused(77), TransientReason.PROTOCOL, True),
        (LinkError(Trouble.CUT, "cut"), TransientReason.CUT, False),
    ],
)
def test_failures(failure, reason, hold):
    with pytest.raises(TransientDeliveryError) as caught:
        target(ScriptedBroker(failure)).put("alerts/v1/k", DATA)
    assert (caught.value.reason, caught.value.hold, caught.value.wire) == (reason, hold, 77)
