"""C5 to C8 and C11: the network fails in every way it knows, in the middle of a backlog. The table's figures; what each
outcome is taken for is tested in tests/cloud_sink/test_delivery_faults.py."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest

from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming, OutboxSettings
from cloud_sink.slots import ThreadSlot
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.words import Limits, Origin
from tests.cloud_sink import fault_server as fault
from tests.faults.delivery.lives import alert, event
from tests.faults.delivery.test_full import summary

pytestmark = pytest.mark.integration

SETTINGS = OutboxSettings(disk_reserve=0)
SOON = timedelta(milliseconds=50)
QUICK = DeliverySettings(SOON, SOON, 4 * SOON, SOON, SOON, 4 * SOON)
LIMITS = Limits(connect=2, stall=0.3, answer=0.4)
FAULTS = {
    "C5": (
        "captive portal: 200 with HTML, 302, 511",
        [fault.portal(), fault.login(), fault.status(511)],
    ),
    "C6": (
        "cut in the body, cut in the answer, wrong ETag, none",
        [
            fault.cut_in_body(),
            fault.cut_in_answer(),
            fault.status(200, {"ETag": '"' + "0" * 32 + '"'}),
            fault.status(200),
        ],
    ),
    "C7": (
        "400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 507",
        [fault.status(code) for code in (400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 507)],
    ),
    "C8": (
        "silence, an answer in drips, nonsense, a server that hangs up",
        [fault.silent(), fault.drip(), fault.nonsense(), fault.refuse_early(503)],
    ),
}


class Line:
    """A gateway's deliverer at one end, a server that does as told at the other."""

    def __init__(self, folder, server, settings=QUICK, limits=LIMITS):
        self.server = server
        self.writer = OutboxWriter(folder, SETTINGS)
        self.reader = OutboxReader(folder, SETTINGS, BatchSettings())
        self.bell = Bell(folder)
        origin = Origin("http", "127.0.0.1", server.port)

        def slot():
            bucket = Bucket(origin, "lake")
            return ThreadSlot(
                RemoteTarget(S3(bucket, lambda: Credentials("AKIA", "secret")), Uplink(origin, None, limits)),
                self.bell.ring,
            )

        self.deliverer = Deliverer(
            self.reader.queues["target"], "s3", slot(), slot(), EgressLedger(folder), Naming("s", "g", "1"), settings
        )
        self.dispatcher = Dispatcher(self.reader, [self.deliverer], settings, self.bell.wait)

    def close(self):
        self.bell.close()
        self.reader.close()
        self.writer.close()

    def put(self, records):
        self.writer.put(records)
        self.writer.snapshot_mark()
        self.writer.committed()
        return {record.key for record in records}

    def until_empty(self, most=60.0):
        """Seconds it took."""
        began = time.monotonic()
        while any(waiting.count for waiting in self.reader.stat().backlog.values()):
            assert time.monotonic() - began < most, self.deliverer.stats
            if (wait := self.dispatcher.step()) > 0:
                self.bell.wait(wait)
        return time.monotonic() - began

    def arrived(self) -> Counter[str]:
        return Counter(
            json.loads(line)["key"]
            for path, request in list(self.server.objects.items())
            if path.endswith(".gz")
            for line in gzip.decompress(request.body).splitlines()
        )


@pytest.mark.parametrize("name", FAULTS)
def test_network_faults_lose_and_double_nothing(tmp_path, name, account):
    how, faults = FAULTS[name]
    expected, recovery = set(), 0.0
    with fault.FaultServer() as server, closing(Line(tmp_path, server)) as line:
        for run, one in enumerate(faults):
            first = run * 100
            expected |= line.put([alert(first + i) for i in range(50)] + [event(first + i) for i in range(50)])
            server.script.extend([one] * 3)
            while server.script:
                if (wait := line.dispatcher.step()) > 0:
                    line.bell.wait(wait)
            recovery = max(recovery, line.until_empty())
        arrived = line.arrived()
        losses = line.reader.stat().losses
    lost, twice = expected - set(arrived), {key for key, count in arrived.items() if count > 1}
    assert (lost, twice, losses) == (set(), set(), {})
    account(
        name, how, runs=len(faults), lost=0, twice=0, recovery_s=recovery, told="waits of at most 0.2 s between tries"
    )


def test_c11_the_uplink_comes_back(tmp_path, account):
    """5,000 alerts, 1,000 events, ten hours of summaries and a round trip of 50 ms; and then a live alert."""
    with fault.FaultServer(delay=0.05) as server, closing(Line(tmp_path, server, limits=Limits())) as line:
        server.shut()
        for first in range(0, 5000, 500):
            line.put([alert(first + i) for i in range(500)])
        line.put([event(i) for i in range(1000)])
        for first in range(0, 600, 60):
            line.put([summary(first + i) for i in range(60)])
        while line.deliverer.stats.uplink_up:
            line.dispatcher.step()
            line.bell.wait(0.01)
        server.open()
        back = time.monotonic()
        live, put_at, live_after = alert(10**6), 0.0, None
        while line.deliverer.stats.records[Lane.ALERT] < 5001:
            if (wait := line.dispatcher.step()) > 0:
                line.bell.wait(wait)
            if not put_at and line.deliverer.stats.records[Lane.ALERT]:
                put_at = time.monotonic()
                line.put([live])
            if put_at and live_after is None and live.key in line.arrived():
                live_after = time.monotonic() - put_at
        alerts = time.monotonic() - back
        paths = list(server.objects)
        arrived = line.arrived()
    assert not any("/summaries/" in path for path in paths)
    assert sum(key.startswith("alert/") for key in arrived) == 5001
    assert max(arrived.values()) == 1
    assert live_after < alerts / 2
    account(
        "C11",
        "uplink back with 5,000 alerts, 1,000 events, 10 h of summaries waiting, 50 ms round trip",
        runs=1,
        lost=0,
        twice=0,
        recovery_s=alerts,
        told=f"a live alert meanwhile: {live_after:.2f} s; all alerts before any summary",
    )
