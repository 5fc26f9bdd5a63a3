"""Delivery to an MQTT broker: each alert and event a message of its own, acknowledged by QoS 1.

A PUBACK says that the broker has a message, not that anybody subscribed to it. Summaries do not go this way.
"""

from __future__ import annotations

import gzip
import hashlib

from cloud_sink.errors import DeliveryError
from cloud_sink.outcomes import broker_refusal, no_answer
from cloud_sink.settings import Naming
from cloud_sink.targets.base import Receipt
from cloud_sink.uplink.mqtt import Broker, BrokerRefused
from cloud_sink.uplink.words import LinkError, Origin


class MqttTarget:
    """A `Target` for alerts and events. Topics are `<topic>/<site>/<gateway>/alerts` and `.../events`.

    Messages are the records' JSON with their idempotency `key`: after a cut they come again, and a consumer that keeps
    one for each key has each once.
    """

    def __init__(self, broker: Broker, origin: Origin, topic: str, naming: Naming) -> None:
        """Describe it.

        Args:
            broker: To publish to.
            origin: Of it, for the name.
            topic: First levels.
            naming: Who sends.
        """
        self._broker = broker
        self._origin = origin
        self._topic = f"{topic}/{naming.site}/{naming.gateway}"

    @property
    def name(self) -> str:
        """Broker and topic."""
        return f"{self._origin}/{self._topic}"

    def put(self, key: str, data: bytes) -> Receipt:
        """See `Target.put`; the object is gzipped JSON lines."""
        before = self._broker.sent
        kind = key.split("/", 1)[0]
        try:
            try:
                self._broker.publish(f"{self._topic}/{kind}", gzip.decompress(data).splitlines())
            except LinkError as error:
                raise no_answer(error, self.name) from error
            except BrokerRefused as error:
                raise broker_refusal(error.code, f"{self.name}: {error}") from error
        except DeliveryError as error:
            error.wire = self._broker.sent - before
            raise
        return Receipt(hashlib.sha256(data).hexdigest(), wire=self._broker.sent - before)
