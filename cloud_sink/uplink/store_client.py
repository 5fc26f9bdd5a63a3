"""The process that talks to a store through pyarrow: `python -m cloud_sink.uplink.store_client`, run by `store`.

On stdin for each object a line of JSON and the object; on stdout a line of JSON, and the object that was asked for. It
ends with its stdin. The object is whole before anything is opened: leaving a stream of pyarrow by an exception
publishes what was written so far.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from datetime import timedelta
from typing import Any

from pyarrow import ArrowException, fs

_MOST_TEXT = 1000
_RETRY = timedelta(seconds=20)


def main() -> None:
    """Until stdin ends."""
    opened: tuple[Any, Any] = (None, None)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library has to say is no reply
    while line := sys.stdin.buffer.readline():
        head = json.loads(line)
        data = sys.stdin.buffer.read(head["size"])
        if len(data) < head["size"]:
            return  # who asked has died
        signal.setitimer(signal.ITIMER_REAL, head["seconds"])  # its default action ends the process
        whose = tuple(head[key] for key in ("scheme", "host", "account", "secret"))
        progress, found = {"sent": 0}, b""
        try:
            if opened[0] != whose:
                opened = (whose, connect(*whose))
            if head["most"]:
                reply, found = get(opened[1], head["path"], head["most"])
            else:
                reply = put(opened[1], head["path"], data, progress, replace=head["replace"])
        except (OSError, ArrowException, NotImplementedError) as error:
            text = str(error).replace(head["secret"] or "\0", "***")[:_MOST_TEXT]
            reply = {"outcome": "error", "text": text, "errno": getattr(error, "errno", 0) or 0, **progress}
        signal.setitimer(signal.ITIMER_REAL, 0)
        replies.write(json.dumps(reply).encode() + b"\n" + found)
        replies.flush()


def connect(scheme: str, host: str, account: str, secret: str) -> Any:
    """A file system of pyarrow.

    Args:
        scheme: See `Store`.
        host: See `Store`.
        account: See `Store`.
        secret: Key of an Azure account.

    Raises:
        OSError: It cannot be had; of HDFS for want of a Java machine.
    """
    if scheme == "gs":
        return fs.GcsFileSystem(retry_time_limit=_RETRY)
    if scheme == "hdfs":
        name, _, port = host.partition(":")
        return fs.HadoopFileSystem(name, int(port or 0))
    http = "http" if scheme == "abfs" else "https"
    cloud = host.removeprefix(f"{account}.dfs.")
    blob, dfs = (host, host) if cloud == host else (f".blob.{cloud}", f".dfs.{cloud}")  # the former: one's own server
    return fs.AzureFileSystem(
        account,
        account_key=secret,
        blob_storage_authority=blob,
        dfs_storage_authority=dfs,
        blob_storage_scheme=http,
        dfs_storage_scheme=http,
    )


def put(filesystem: Any, path: str, data: bytes, progress: dict[str, int], *, replace: bool) -> dict[str, Any]:
    """Write one object and read it back. Returns the fields of `Reply`.

    Args:
        filesystem: Of pyarrow.
        path: Of the object.
        data: All of it.
        progress: Its `sent` is set as soon as something is.
        replace: Also where something else lies there.

    Raises:
        OSError: As pyarrow has it, mostly without an errno.
        ArrowException: The same.
    """
    found = _read(filesystem, path, len(data))
    if found == data:
        return {"outcome": "repeat"}
    # The beginning of ours is what an attempt that was cut off leaves, nothing at all included.
    if found is not None and not replace and not data.startswith(found):
        return {"outcome": "other", "alike": found[:4] == data[:4], "text": found[:200].decode("ascii", "replace")}
    progress["sent"] = len(data)
    stream = filesystem.open_output_stream(path, compression=None)  # else it packs again what ends in .gz
    stream.write(data)
    stream.close()
    back = _read(filesystem, path, len(data))
    if back == data:
        return {"outcome": "delivered", **progress}
    return {"outcome": "damaged", "text": (back or b"")[:200].decode("ascii", "replace"), **progress}


def get(filesystem: Any, path: str, most: int) -> tuple[dict[str, Any], bytes]:
    """Read one object, up to a byte more than `most`. Returns the fields of `Reply`, and the object.

    Raises:
        OSError: As pyarrow has it.
        ArrowException: The same.
    """
    found = _read(filesystem, path, most)
    if found is None:
        return {"outcome": "error", "errno": errno.ENOENT, "text": "there is no such object"}, b""
    return {"outcome": "read", "size": len(found)}, found


def _read(filesystem: Any, path: str, size: int) -> bytes | None:
    """What lies there, up to a byte more than expected; None = nothing."""
    if filesystem.get_file_info(path).type == fs.FileType.NotFound:
        return None
    try:
        stream = filesystem.open_input_stream(path, compression=None)
    except FileNotFoundError:
        return None
    found: bytes = stream.read(size + 1)
    stream.close()
    return found


if __name__ == "__main__":
    main()
