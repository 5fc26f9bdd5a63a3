"""From the `[[influx]]` sections to what the deliver process runs beside its targets."""

from __future__ import annotations

import gzip
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from cloud_sink.egress import DELIVERED, EgressLedger, Entry
from cloud_sink.influx.client import Answer, InfluxServer, InfluxWriter
from cloud_sink.influx.feeder import InfluxFeeder
from cloud_sink.influx.points import live_line
from cloud_sink.influx.pump import InfluxPump
from cloud_sink.influx.ring import Ring, open_ring
from cloud_sink.influx.sender import InfluxSender
from cloud_sink.targets.secrets import SecretFile, one_line
from cloud_sink.waiting import Queue
from connectors.errors import ConnectorError
from edge_gateway.config.config import Config
from edge_gateway.config.influx import InfluxSection
from edge_gateway.health import health
from edge_gateway.layout import Layout
from edge_gateway.live import LiveTags
from edge_gateway.status import ROLES, read_status

log = structlog.get_logger(__name__)

_PAUSE_S = 1.0
_NO_CONTENT = 204


@dataclass(slots=True)
class Chore:
    """Something that is done now and then."""

    do: Callable[[], None]
    every: timedelta
    due: float = 0.0

    def step(self, now: float) -> None:
        """Do it if it is time."""
        if now >= self.due:
            self.due = now + self.every.total_seconds()
            self.do()


@dataclass(slots=True)
class InfluxBeside:
    """One InfluxDB; has its turn in the loop like any target."""

    _feeder: InfluxFeeder
    _sender: InfluxSender
    _pump: InfluxPump
    _rings: tuple[Ring, Ring]
    _writer: InfluxWriter
    _chores: tuple[Chore, ...]

    def step(self) -> float:
        """See `cloud_sink.dispatch.Turn`."""
        now = time.monotonic()
        for chore in self._chores:
            chore.step(now)
        self._pump.look()
        return self._feeder.step()

    def collect(self, wait: float = 0.0) -> None:
        """See `Turn`: what is under way is sent again at the next start."""

    def drain(self) -> bool:
        """See `Turn`: into the ring, which keeps it."""
        return self._feeder.drain()

    def facts(self) -> Mapping[str, Any]:
        """For the status file."""
        stats, (ring, _) = self._sender.stats, self._rings
        return {
            "waiting": ring.lines,
            "written": stats.written,
            "refused": dict(stats.refused),
            "dropped": dict(ring.dropped),
            "missed": dict(self._feeder.missed),
            "wire": stats.wire,
            "trouble": stats.trouble,
        }

    def close(self) -> None:
        """Let go of everything that no write under way needs."""
        self._rings[0].close()
        if self._pump.close():
            self._rings[1].close()
            self._writer.close()


def open_influx(config: Config, section: InfluxSection, queue: Queue) -> InfluxBeside:
    """Open its ring; nothing is sent yet.

    Args:
        config: Of the gateway.
        section: One of its InfluxDBs.
        queue: In the outbox, of all lanes.

    Raises:
        OutboxError: The ring cannot be made.
    """
    layout = Layout(config.gateway.data)
    rings = (_ring(layout, section), _ring(layout, section))
    server = InfluxServer(section.url, section.api, section.database, section.org, str(section.ca_file or ""))
    secret = SecretFile(section.secret_file, one_line).current if section.secret_file is not None else lambda: ""
    writer = InfluxWriter(server, secret)
    feeder = InfluxFeeder(queue, rings[0], config.gateway.site, _PAUSE_S)

    def tell() -> None:
        now = time.time_ns()
        acquire, flow, deliver = (read_status(layout.status, role) for role in ROLES)
        looks = health(acquire, flow, deliver, now)
        feeder.put([one.line(config.gateway.site, config.gateway.name, now) for one in looks])

    sender = InfluxSender(rings[1], writer, note=_noted(EgressLedger(_folder(layout)), writer.name))
    chores = [Chore(tell, section.health_every)]
    if section.live:
        chores.append(Chore(_live(layout, config.gateway.site, section, feeder), section.live_every))
    return InfluxBeside(feeder, sender, InfluxPump(sender), rings, writer, tuple(chores))


def _live(layout: Layout, site: str, section: InfluxSection, feeder: InfluxFeeder) -> Callable[[], None]:
    """Down-sampled by looking: the last value of each tag at each look, where there is a newer one."""
    follower, told = LiveTags(layout.journal), dict[str, int]()

    def tell() -> None:
        try:
            follower.look()
        except ConnectorError as error:  # a journal of newer software: the flow says so too, and records go on
            log.error("influx_live_failed", error=str(error))
            return
        lines = []
        for (asset, name), tag in follower.tags.items():
            key = f"{asset}/{name}"
            if key in section.live and told.get(key) != tag.time:
                told[key] = tag.time
                lines.append(live_line(site, asset, name, tag.value, tag.quality, tag.time))
        feeder.put(lines)

    return tell


def _noted(ledger: EgressLedger, name: str) -> Callable[[bytes, Answer], None]:
    """One line of the ledger a write; its own ledger, since there is a write a second."""

    def note(body: bytes, answer: Answer) -> None:
        digest = hashlib.sha256(body).hexdigest()
        outcome = DELIVERED if answer.status == _NO_CONTENT else str(answer.status)
        lines = len(gzip.decompress(body).splitlines())
        entry = Entry(datetime.now(UTC), name, "dashboard", "", lines, len(body), len(body), digest, outcome)
        try:
            ledger.write(entry)
        except OSError as error:  # a full disk: the picture on the wall goes on
            log.error("egress_ledger_failed", target=name, error=str(error))

    return note


def _folder(layout: Layout) -> Path:
    layout.influx.mkdir(parents=True, exist_ok=True)
    return layout.influx


def _ring(layout: Layout, section: InfluxSection) -> Ring:
    file = _folder(layout) / f"{_plain(section.name)}.db"
    age = round(section.ring_age.total_seconds())
    return open_ring(file, max_bytes=section.ring_quota, max_age_s=age, monotonic=time.monotonic)


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
