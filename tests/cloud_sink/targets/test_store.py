"""A store behind pyarrow: what its client's replies mean, and what the client does on a file system of pyarrow's."""

from __future__ import annotations

import errno
import gzip
import os
import time
from pathlib import Path

import pytest
from pyarrow import fs

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError
from cloud_sink.outcomes import store_error
from cloud_sink.targets.store import StoreTarget
from cloud_sink.uplink import store as store_module
from cloud_sink.uplink.store import Reply, Store, StoreClient, parse_store
from cloud_sink.uplink.store_client import get, put
from cloud_sink.uplink.words import LinkError, Trouble

DATA = b"PAR1" + bytes(1000)
LAKE = Store("abfss", "acc.dfs.core.windows.net", "acc", "lake/gw")


class TestUri:
    @pytest.mark.parametrize(
        ("uri", "store"),
        [
            ("abfss://lake@acc.dfs.core.windows.net/gw/", LAKE),
            ("abfss://lake@acc.dfs.core.windows.net", Store("abfss", "acc.dfs.core.windows.net", "acc", "lake")),
            ("abfs://acc@127.0.0.1:10000/lake/gw", Store("abfs", "127.0.0.1:10000", "acc", "lake/gw")),
            ("gs://bucket/a/b", Store("gs", "", "", "bucket/a/b")),
            ("hdfs://name:8020/plant", Store("hdfs", "name:8020", "", "plant")),
        ],
    )
    def test_forms(self, uri, store):
        assert parse_store(uri) == store

    @pytest.mark.parametrize(
        "uri", ["", "s3://bucket", "gs://", "gs://me@bucket", "abfss://acc.dfs.core.windows.net/lake", "abfs://a@b:1"]
    )
    def test_others_are_refused(self, uri):
        with pytest.raises(ValueError, match="must be abfss://CONTAINER@ACCOUNT"):
            parse_store(uri)

    @pytest.mark.parametrize("uri", ["abfss://a:secret@h/x", "gs://bucket/x?sig=1"])
    def test_a_secret_does_not_belong_there(self, uri):
        with pytest.raises(ValueError, match="without password, query and fragment"):
            parse_store(uri)

    def test_paths(self):
        assert LAKE.path_of("alerts/a") == "lake/gw/alerts/a"
        assert parse_store("hdfs://name:8020/plant").path_of("a") == "/plant/a"
        assert parse_store("hdfs://name:8020").path_of("a") == "/a"

    def test_its_name_says_where(self):
        assert str(LAKE) == "abfss://acc.dfs.core.windows.net/lake/gw"
        assert str(parse_store("gs://bucket/a")) == "gs://bucket/a"


class TestClient:
    """The part that runs in the other process, here on a folder."""

    @pytest.fixture
    def folder(self, tmp_path):
        return fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())

    def put(self, folder, data=DATA, *, path="a.parquet", replace=False):
        return put(folder, path, data, {"sent": 0}, replace=replace)

    def test_writes_and_reads_back(self, folder, tmp_path):
        assert self.put(folder) == {"outcome": "delivered", "sent": len(DATA)}
        assert (tmp_path / "a.parquet").read_bytes() == DATA
        assert self.put(folder) == {"outcome": "repeat"}

    def test_bytes_are_bytes_whatever_the_name_says(self, folder, tmp_path):
        """By default pyarrow packs and unpacks what ends in .gz; what lies there would be packed twice."""
        data = gzip.compress(b"alerts")
        self.put(folder, data, path="a.jsonl.gz")
        assert (tmp_path / "a.jsonl.gz").read_bytes() == data

    @pytest.mark.parametrize("cut", [0, 4, 500])
    def test_what_an_attempt_left_that_was_cut_off_is_written_again(self, folder, tmp_path, cut):
        (tmp_path / "a.parquet").write_bytes(DATA[:cut])
        assert self.put(folder)["outcome"] == "delivered"

    def test_another_object_is_left_alone(self, folder, tmp_path):
        other = b"PAR1" + b"\1" * 1000
        (tmp_path / "a.parquet").write_bytes(other)
        reply = self.put(folder)
        assert (reply["outcome"], reply["alike"]) == ("other", True)
        assert (tmp_path / "a.parquet").read_bytes() == other
        assert self.put(folder, replace=True)["outcome"] == "delivered"

    def test_a_page_is_no_object(self, folder, tmp_path):
        (tmp_path / "a.parquet").write_bytes(b"<html>Please log in</html>")
        assert self.put(folder)["alike"] is False

    def test_what_came_out_wrong_is_told(self, folder, monkeypatch):
        class Truncating:
            def __init__(self, inner):
                self.inner = inner

            def __getattr__(self, name):
                return getattr(self.inner, name)

            def open_output_stream(self, path, **options):
                self.stream = self.inner.open_output_stream(path, **options)
                return self

            def write(self, data):
                self.stream.write(data[:9])

            def close(self):
                self.stream.close()

        assert self.put(Truncating(folder))["outcome"] == "damaged"

    def test_reads_up_to_a_byte_more_than_may_be(self, folder, tmp_path):
        (tmp_path / "a").write_bytes(DATA)
        assert get(folder, "a", len(DATA)) == ({"outcome": "read", "size": len(DATA)}, DATA)
        assert get(folder, "a", 10)[1] == DATA[:11]
        reply, nothing = get(folder, "b", 10)
        assert (reply["outcome"], reply["errno"], nothing) == ("error", errno.ENOENT, b"")


class Scripted:
    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = []

    def get(self, path, most, secret):
        reply = self.put(path, most, secret, replace=False)
        return reply if isinstance(reply, tuple) else (reply, b"")

    def put(self, path, data, secret, *, replace):
        self.asked.append((path, secret, replace))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def target(*replies):
    return StoreTarget(LAKE, Scripted(*replies), lambda: "key")


class TestTarget:
    def test_what_is_read_and_what_has_not_changed(self):
        one = target((Reply("read", size=5), b"hello"), (Reply("read", size=5), b"hello"))
        first = one.fetch("k", 5)
        assert (first.data, one.fetch("k", 5, first.tag).data) == (b"hello", None)

    def test_what_cannot_be_read(self):
        for reply, reason in ((Reply("error", errno=2), "target_missing"), (LinkError(Trouble.SILENT, "x"), "timeout")):
            with pytest.raises(TransientDeliveryError) as caught:
                target(reply).fetch("k", 5)
            assert caught.value.reason == reason
        with pytest.raises(PermanentDeliveryError, match="larger than 4 bytes"):
            target((Reply("read", size=5), b"hello")).fetch("k", 4)

    def test_what_changes_is_replaced(self):
        one = target(Reply("delivered", 5))
        one.replace("k", b"hello")
        assert one._client.asked == [("k", "key", True)]

    def test_delivered_and_repeat(self):
        one = target(Reply("delivered", 1004), Reply("repeat"))
        assert [(r.repeat, r.wire) for r in (one.put("k", DATA), one.put("k", DATA))] == [(False, 1004), (True, 0)]

    def test_what_came_out_wrong_is_replaced_by_the_next_attempt(self):
        one = target(Reply("damaged", 1004), Reply("delivered", 1004))
        with pytest.raises(TransientDeliveryError) as caught:
            one.put("k", DATA)
        assert (caught.value.reason, caught.value.wire) == ("verify_failed", 1004)
        one.put("k", DATA)
        assert [replace for _, _, replace in one._client.asked] == [False, True]

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (Reply("other", text="<html>log in"), "portal"),
            (Reply("other", text="something"), "verify_failed"),
            (Reply("damaged", 9, text="<!doctype x><HTML>"), "portal"),
            (LinkError(Trouble.SILENT, ""), "timeout"),
            (LinkError(Trouble.FOREIGN, ""), "portal"),
        ],
    )
    def test_transient(self, reply, reason):
        with pytest.raises(TransientDeliveryError) as caught:
            target(reply).put("k", DATA)
        assert caught.value.reason == reason

    def test_another_object_of_a_gateway_is_a_conflict(self):
        with pytest.raises(PermanentDeliveryError) as caught:
            target(Reply("other", alike=True)).put("k", DATA)
        assert caught.value.reason == "key_conflict"


@pytest.mark.parametrize(
    ("text", "errno", "reason", "hold"),
    [
        ("UploadFrom failed. Azure Error: [ContainerNotFound] 404 The specified", 0, "target_missing", True),
        ("ListBlobs failed. Azure Error: [AuthorizationFailure] 403 Server failed", 0, "credentials", True),
        ("Azure Error: [ServerBusy] 503 x", 0, "throttled", False),
        ("Azure Error: [] 200 Scripted\n<html>Please log in</html>", 0, "portal", False),
        ("Azure Error: [] 302 Scripted", 0, "portal", False),
        ("Azure Error: [] 200 Scripted", 0, "protocol", True),
        (
            "Fail to get a new connection for: http://h. Could not connect to server",
            0,
            "unreachable",
            False,
        ),
        ("Azure Error: [] Fail to get a new connection for: http://h. Could not resolve hostname", 0, "dns", False),
        ("google::cloud::Status(PERMISSION_DENIED: x)", 0, "credentials", True),
        ("google::cloud::Status(UNAVAILABLE: x)", 0, "server_error", False),
        ("google::cloud::Status(NOT_FOUND: Permanent error: HTTP status code: 404)", 2, "target_missing", True),
        ("google::cloud::Status(UNAVAILABLE: CURL error [7]=Could not connect to server)", 0, "unreachable", False),
        ("Recv failure: Connection reset by peer", 0, "cut", False),
        ("SSL peer certificate or SSH remote key was not OK", 0, "tls_untrusted", False),
        ("Unable to load libjvm", 0, "target_missing", True),
        ("Path does not exist 'lake'", 2, "target_missing", True),
        ("x", 13, "credentials", True),
        ("something nobody has seen", 0, "server_error", False),
    ],
)
def test_what_the_words_of_its_client_mean(text, errno, reason, hold):
    error = store_error(errno, text, "k in lake")
    assert (error.reason, error.hold) == (reason, hold)


def test_what_is_too_large_is_split():
    assert isinstance(store_error(0, "Azure Error: [RequestBodyTooLarge] 413 x", "k"), PermanentDeliveryError)


FAKE = """
import io
from types import SimpleNamespace
FileType = SimpleNamespace(NotFound=0)
class HadoopFileSystem:
    def __init__(self, *_): pass
    def get_file_info(self, path): return SimpleNamespace(type=1)
    def open_input_stream(self, path, compression):
        return io.BytesIO((b"0123456789\\n" * 40_000)[: int(path.rpartition("/")[2])])
"""


@pytest.mark.integration
class TestProcess:
    """The client's own process, on a file system that there is everywhere: HDFS, whose Java machine is missing here."""

    def test_an_error_is_a_reply_and_the_process_goes_on(self, monkeypatch):
        monkeypatch.delenv("JAVA_HOME", raising=False)
        client = StoreClient(Store("hdfs", "127.0.0.1:1", "", "plant"))
        first = client.put("a", DATA, "", replace=False)
        process = client._process
        again = client.put("a", DATA, "", replace=False)
        for reply in (first, again):
            assert store_error(reply.errno, reply.text, "").reason == "target_missing"
        assert client._process is process
        client.close()
        assert process.poll() is not None

    def test_what_is_read_comes_whole_through_the_pipe(self, monkeypatch, tmp_path):
        (tmp_path / "pyarrow").mkdir()
        (tmp_path / "pyarrow" / "__init__.py").write_text("class ArrowException(Exception): ...\n")
        (tmp_path / "pyarrow" / "fs.py").write_text(FAKE)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
        client = StoreClient(Store("hdfs", "h", "", "plant"))
        for size in (300_000, 0, 17):
            reply, data = client.get(f"{size}", 400_000, "")
            assert (reply.outcome, reply.size) == ("read", size)
            assert data == (b"0123456789\n" * 40_000)[:size]
        client.close()

    def test_one_that_hangs_ends_itself_and_a_new_one_is_started(self, monkeypatch, tmp_path):
        (tmp_path / "pyarrow").mkdir()
        (tmp_path / "pyarrow" / "__init__.py").write_text("class ArrowException(Exception): ...\n")
        (tmp_path / "pyarrow" / "fs.py").write_text("import time\nHadoopFileSystem = lambda *_: time.sleep(60)\n")
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        client = StoreClient(Store("hdfs", "h", "", "plant"), lambda _size: 0.3)
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(LinkError, match=r"did not take the object within 0\.3 s") as caught:
                client.put("a", DATA, "", replace=False)
            assert caught.value.trouble is Trouble.SILENT
            assert time.monotonic() - began < 5
            assert client._process is None

    def test_one_that_does_not_even_do_that_is_killed(self, monkeypatch):
        monkeypatch.setattr(store_module, "_GRACE_S", 0.1)
        client = StoreClient(Store("hdfs", "h", "", "plant"), lambda _size: 0.1)
        process = client._running()
        os.kill(process.pid, 19)  # SIGSTOP
        with pytest.raises(LinkError) as caught:
            client.put("a", DATA, "", replace=False)
        assert caught.value.trouble is Trouble.SILENT
        assert process.poll() == -9

    def test_one_that_dies_is_told_apart(self):
        client = StoreClient(Store("hdfs", "h", "", "plant"))
        process = client._running()
        os.kill(process.pid, 6)  # SIGABRT, as std::terminate ends it
        process.wait()
        with pytest.raises(LinkError) as caught:
            client.put("a", bytes(200_000), "", replace=False)
        assert caught.value.trouble in {Trouble.CUT, Trouble.FOREIGN}
        assert client._process is None

    def test_its_arguments_and_its_replies_hold_no_secret(self):
        client = StoreClient(Store("hdfs", "127.0.0.1:1", "", "plant"))
        reply = client.put("a", DATA, "hunter2-secret", replace=False)
        told = b"".join(Path(f"/proc/{client._process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        client.close()
        assert b"hunter2" not in told + reply.text.encode()
