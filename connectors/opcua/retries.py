"""How long to wait before the next attempt, by what ended the last one."""

from __future__ import annotations

import random
from datetime import timedelta

from connectors.backoff import Backoff
from connectors.errors import ConnectorError, SecurityRefused, UserRejected
from connectors.opcua.settings import OpcUaSettings

SECURITY_CAP = timedelta(seconds=60)  # trouble that a person has to heal: no hurry
USER_PAUSE = timedelta(seconds=60)  # wrong passwords lock accounts: one try a minute


class Retries:
    """Three delays that grow each on its own."""

    def __init__(self, settings: OpcUaSettings, rng: random.Random) -> None:
        self._fast = Backoff(settings.reconnect_min, settings.reconnect_max, rng)
        self._slow = Backoff(timedelta(seconds=5), SECURITY_CAP, rng)
        self._user = Backoff(USER_PAUSE, USER_PAUSE, rng)

    def pause(self, error: ConnectorError) -> float:
        """Seconds to wait after this error."""
        if isinstance(error, UserRejected):
            return self._user.next()
        return (self._slow if isinstance(error, SecurityRefused) else self._fast).next()

    def reset(self) -> None:
        """A link worked."""
        for backoff in (self._fast, self._slow, self._user):
            backoff.reset()
