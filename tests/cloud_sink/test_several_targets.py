"""Several targets with real sockets and threads: what hangs hangs alone (fault C8)."""

from __future__ import annotations

import socket
import threading
import time

import fault_server as fault
import pytest
from fault_server import FaultServer

from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, DeliverySettings
from cloud_sink.slots import ThreadSlot
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.words import Limits, Origin

pytestmark = pytest.mark.integration
LIMITS = Limits(connect=30, stall=30, answer=30)  # longer than the test may take
ALERTS = 10


def bucket(origin):
    return lambda: RemoteTarget(
        S3(Bucket(origin, "lake"), lambda: Credentials("AKIA", "secret")), Uplink(origin, limits=LIMITS)
    )


def until(condition, seconds=10):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


@pytest.fixture
def loop(tmp_path, small, naming):
    """Starts the loop of the deliver process in a thread of its own, as it owns the outbox's connection."""
    stops = []

    def start(targets):
        bell = Bell(tmp_path)
        lanes = dict.fromkeys(targets, tuple(Lane))
        ready, deliverers = threading.Event(), {}

        def run():
            reader = OutboxReader(tmp_path, small, BatchSettings(), targets=lanes)
            settings, ledger = DeliverySettings(), EgressLedger(tmp_path)
            for name, make_target in targets.items():
                slots = [ThreadSlot(make_target(), bell.ring) for _ in range(2)]
                deliverers[name] = Deliverer(reader.queues[name], name, *slots, ledger, naming, settings)
            dispatcher = Dispatcher(reader, list(deliverers.values()), settings, bell.wait)
            stops.append(lambda: (dispatcher.stop(), bell.ring()))
            ready.set()
            dispatcher.run()
            reader.close()

        thread = threading.Thread(target=run)
        thread.start()
        stops.insert(0, lambda: thread.join(10))
        assert ready.wait(10)
        return deliverers

    yield start
    for stop in reversed(stops):
        stop()


def test_alerts_reach_the_others_within_a_second_while_two_targets_hang(loop, writer, make, tmp_path, monkeypatch):
    """One swallows requests and never answers; the resolver that another one needs does not answer either."""
    hangs = threading.Event()
    real = socket.getaddrinfo

    def look_up(host, port, **options):
        if host == "hub.example" and not options.get("flags"):
            hangs.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return real(host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    (tmp_path / "stick").mkdir()
    with FaultServer() as hole, FaultServer() as lake:
        hole.script += [fault.silent()] * 100
        deliverers = loop(
            {
                "hole": bucket(Origin("http", "127.0.0.1", hole.port)),
                "nowhere": bucket(Origin("http", "hub.example", 80)),
                "lake": bucket(Origin("http", "127.0.0.1", lake.port)),
                "stick": lambda: FileTarget(tmp_path / "stick"),
            }
        )
        before = threading.active_count()
        slowest = 0.0
        for i in range(ALERTS):
            began = time.monotonic()
            writer.put([make.alert(i), make.event(i)])
            until(lambda i=i: all(deliverers[name].stats.records[Lane.ALERT] > i for name in ("lake", "stick")))
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1
        assert len(list((tmp_path / "stick").rglob("*.jsonl.gz"))) >= ALERTS
        # At most two uploads and two look-ups a target at once, however long it hangs.
        assert threading.active_count() <= before + 2 * 4 + 2
        assert not deliverers["hole"].stats.records
        assert not deliverers["nowhere"].stats.records
        assert writer.stat().backlog[Lane.ALERT].count == ALERTS
        assert not writer.stat().losses
        hole.script.clear()
        hole.shut()  # what hangs is cut, and the target is itself again
        hole.open()
        until(lambda: deliverers["hole"].stats.records[Lane.ALERT] == ALERTS)
        hangs.set()
