"""What lies on disks and in folders that others can write to: rows of the outbox, its pages, the journal, bundles."""

from __future__ import annotations

import functools
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from cloud_sink.alert_decoding import decode_alert
from cloud_sink.decoding import decode_event, decode_summary
from cloud_sink.evidence import Evidence, FeatureShare, Trace
from cloud_sink.outbox.carve import carve
from cloud_sink.outbox.pages import Pages
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, OtherScore, WindowSummary
from cloud_sink.settings import OutboxSettings
from cloud_sink.sketch import sketch
from connectors.journal.books import Books
from connectors.journal.format import SegmentHead, decode, decode_head, encode, encode_head, entry_of, head_size
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable
from models.arrays import decode_arrays
from models.bundle import BASELINE, GOLDEN, MANIFEST, MAX_BYTES
from models.life.agreement import Agreement, decode_agreement
from models.life.record import Change, Life, Lives, Step, decode_lives
from models.manifest import decode_manifest
from models.onnx_wire import inspect
from tests.edge_gateway.bundles import make_bundle
from tests.fuzz.doors import Door

SECOND = 10**9


def _alert() -> Alert:
    evidence = Evidence(
        SECOND,
        2 * SECOND,
        (FeatureShare("flow", "mean", 1.5, float("nan")),),
        ((2 * SECOND, 0.7),),
        (Trace("flow", "l/s", ((SECOND, 1.0), (2 * SECOND, float("nan")))),),
    )
    given = ("pump-1", "anomaly", "opened", "alarm", 0.9, 0.5, "press@1", 2 * SECOND, 2 * SECOND, 3 * SECOND)
    return Alert(*given, contributions=(("flow", 0.8),), evidence=evidence)


def _summary() -> WindowSummary:
    counts, shares = np.array([5, 0], np.int32), np.array([1.0, 0.0], np.float32)
    table = np.arange(4, dtype=np.float32).reshape(2, 2)
    sketches = sketch(0, 2, np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0]))
    head = ("pump-1", 0, SECOND, ("flow", "power"), ("mean", "std"))
    return WindowSummary(
        *head,
        counts,
        counts,
        shares,
        table,
        0.5,
        1.0,
        "press@1",
        others=(OtherScore("a@1", 0.1, shadow=True),),
        sketches=sketches,
    )


def _event_seeds() -> list[bytes]:
    return [Event("pump-1", "gap", "link_down", 1, 2, 3, "plc", "a sentence").encode()]


def _summary_taken(data: bytes) -> None:
    found = decode_summary(data)
    assert found.values.nbytes <= len(data)


def _carve(data: bytes) -> None:
    """Whatever the file holds; what is carved is judged by its check sum later."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outbox.sqlite3"
        file.write_bytes(data)
        pages = Pages(file)
        try:
            for found in carve(pages):
                assert found is not None
        finally:
            pages.close()


@functools.cache
def _carve_seeds() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        writer = OutboxWriter(Path(folder), OutboxSettings(disk_reserve=0))
        writer.put([_alert(), _summary()])
        writer.close()
        return tuple(path.read_bytes() for path in Path(folder).glob("*.sqlite3"))


TABLES = (TagTable("pump-1", (Tag("flow", "l/s"), Tag("power", "kW"))),)


def _journal(data: bytes) -> None:
    """A segment: its head, then frames; damage ends it, and is never taken for data."""
    if decode_head(data) is None:
        return
    found = decode(data, TABLES, head_size(data))
    assert found.end <= len(data)
    for entry in found.entries:
        assert entry.samples >= 0


def _journal_seeds() -> list[bytes]:
    n = 5
    batch = SampleBatch(
        TABLES[0],
        np.zeros(n, np.uint16),
        np.arange(n, dtype=np.int64),
        np.ones(n),
        np.zeros(n, np.uint32),
        7,
    )
    notice = Notice(NoticeKind.GAP, "pump-1", "link_down", 1, 2)
    head = encode_head(SegmentHead(0, 1, TABLES, Books()))
    return [head + b"".join(b"".join(encode(entry_of(item), {"pump-1": 0})) for item in (batch, notice, batch))]


@functools.cache
def _bundle() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        made = make_bundle(Path(folder) / "press", "1")
        return {path.name: path.read_bytes() for path in made.iterdir()}


def _arrays(names: tuple[str, ...], file: str) -> Door:
    def enter(data: bytes) -> None:
        found = decode_arrays(data, names, MAX_BYTES[file])
        assert sum(array.nbytes for array in found) <= MAX_BYTES[file]
        assert not any(array.dtype.hasobject for array in found)

    return Door(enter, (ValueError,), lambda: [_bundle()[file], _unclosed(_bundle()[file])])


def _unclosed(archive: bytes) -> bytes:
    """The header of each array lacks its last bracket; check sums are right."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"}", b" ", 1))
    return changed.getvalue()


def _lives_seeds() -> list[bytes]:
    change = Change(1, SECOND, "press", Step.ADDED, "2", "1", "by hand")
    return [
        Lives(models={"press": Life("1", "2", ("0",), {"3": "slow"}, 4)}, changes=(change,)).encode(),
        Lives().encode(),
    ]


def _graph(data: bytes) -> None:
    assert inspect(data).nodes <= len(data)


@functools.cache
def _graphs() -> tuple[bytes, ...]:
    node = helper.make_node("Add", ["a", "b"], ["c"])
    float_in = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("a", "b", "c")]
    inside = helper.make_graph([node], "inside", float_in[:2], float_in[2:])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inside, else_branch=inside)
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    outer = helper.make_graph([node, branch], "outer", float_in[:2], float_in[2:], [weight])
    return helper.make_model(outer).SerializeToString(), _bundle()["model.onnx"]


DOORS = {
    "outbox-alert": Door(lambda data: _taken(decode_alert(data)), (ValueError,), lambda: [_alert().encode()]),
    "outbox-summary": Door(_summary_taken, (ValueError,), lambda: [_summary().encode()]),
    "outbox-event": Door(lambda data: _taken(decode_event(data)), (ValueError,), _event_seeds),
    "outbox-file": Door(_carve, (ValueError,), lambda: list(_carve_seeds()), tries=40),
    "journal-segment": Door(_journal, (), _journal_seeds),
    "bundle-manifest": Door(lambda data: _taken(decode_manifest(data)), (ValueError,), lambda: [_bundle()[MANIFEST]]),
    "bundle-golden": _arrays(("rows", "score"), GOLDEN),
    "bundle-baseline": _arrays(("edges", "shares", "score_edges", "score_shares"), BASELINE),
    "bundle-graph": Door(_graph, (ValueError,), lambda: list(_graphs())),
    "model-lives": Door(lambda data: _taken(decode_lives(data)), (ValueError,), _lives_seeds),
    "model-agreement": Door(
        lambda data: _taken(decode_agreement(data)), (ValueError,), lambda: [Agreement("press@2", "press@1").encode()]
    ),
}


def _taken(found: object) -> None:
    assert found is not None
