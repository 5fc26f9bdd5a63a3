"""moto's S3 server in a process of its own, and Amazon's own client to ask it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.words import Origin

MOTO = Path(os.environ.get("SLUICEGATE_MOTO", Path(__file__).parents[3] / "var" / "moto"))
KEYS = Credentials("AKIAEXAMPLE", "secret/with+signs", "token==")


def client(script, *arguments):
    """What a script prints as JSON, run where boto3 is."""
    code = "import json, sys\n" + textwrap.dedent(script)
    command = [MOTO / "bin" / "python", "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


S3_CLIENT = """
import boto3
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="eu-central-1",
                  aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret/with+signs")
"""


@contextlib.contextmanager
def serving():
    """An S3 server with a bucket `lake`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    # An own interpreter beside it ends the server with this process, whatever happens.
    code = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, str(MOTO / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None, "moto did not start"
            time.sleep(0.1)
    url = f"http://127.0.0.1:{port}"
    made = S3_CLIENT + (
        "s3.create_bucket(Bucket='lake', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'});print('{}')"
    )
    client(made, url)
    try:
        yield Origin("http", "127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(10)
