"""A bundle from elsewhere is opened for the first time in a process that may die of it: `python -m models.trial`.

Its memory, its time and its files are limited; what the engine does to it, it does not to the gateway. A bundle that
passes is opened again by the flow, on a path that was walked once.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from models.bundle import MODEL, read_bundle
from models.errors import BundleNotJudged, BundleRejected, ModelError
from models.onnx_scorer import OnnxScorer
from models.scores import follow
from models.signature import TrustedKeys
from models.watchdog import Watchdog

MEMORY = 2 << 30
"""Bytes of address space: libraries and engine reserve 0.9 GB, a model may have 64 MiB and what it computes with."""

SECONDS = 60.0  # of CPU, and twice as many by the clock: a suite takes 1.5 s, imports included
CALLS = 100
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")  # nothing that is secret
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_MOST_REPLY = 65_536  # two texts of 2,000 characters, each of 12 bytes in JSON's escapes at most
_SLOW = 0.99  # quantile of the calls that must keep the budget


@dataclass(frozen=True, slots=True)
class Passed:
    """A bundle that got through.

    Attributes:
        model: "name@version".
        counter: Of its manifest.
        p99_ms: Of a call for one row of its golden ones.
    """

    model: str
    counter: int
    p99_ms: float


def try_bundle(
    folder: Path, keys: TrustedKeys, budget: timedelta, *, memory: int = MEMORY, seconds: float = SECONDS
) -> Passed:
    """Open a bundle in a process of its own: all checks of reading, the engine, golden rows, time of a call.

    Args:
        folder: Of the bundle.
        keys: Who must have signed it.
        budget: What a call may take.
        memory: Address space, bytes.
        seconds: Of CPU.

    Raises:
        BundleRejected: It is refused.
        BundleNotJudged: It was too slow, its signer is not trusted, or the process died of it: all may pass by.
    """
    wish = {"folder": str(folder), "keys": keys.texts, "budget_s": budget.total_seconds(), "memory": memory}
    wish["cpu_s"] = seconds
    until = time.monotonic() + 2 * seconds
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "models.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    ) as process:
        try:
            out = _reply(process, json.dumps(wish).encode() + b"\n", until)
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _rejected(folder, f"it was not ready after {2 * seconds:g} s") from None
        finally:
            process.kill()
    return _passed(folder, out, process.returncode)


def _reply(process: subprocess.Popen[bytes], wish: bytes, until: float) -> bytes:
    """All that the process says until it closes its output, or is killed for it has said too much.

    Raises:
        subprocess.TimeoutExpired: It goes on at `until`.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # it may have died already: then it says nothing
        pipe.write(wish)
    out = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while ready.select(max(0.0, until - time.monotonic())):
            part = os.read(process.stdout.fileno(), _MOST_REPLY + 1 - len(out))
            out += part
            if len(out) > _MOST_REPLY:
                process.kill()
            if not part or len(out) > _MOST_REPLY:
                return bytes(out)
    raise subprocess.TimeoutExpired(process.args, 0.0)


def _passed(folder: Path, out: bytes, code: int) -> Passed:
    """What the process said, if it said anything that makes sense: a bundle may have got the better of it."""
    if len(out) > _MOST_REPLY:
        raise _rejected(folder, f"the process that opened it said more than {_MOST_REPLY} bytes")
    try:
        told = json.loads(out)
        if "rule" in told:
            kind = BundleRejected if told["lasts"] else BundleNotJudged
            raise kind(folder / str(told["file"]), str(told["rule"]), str(told["fix"]))
        return Passed(str(told["model"]), int(told["counter"]), float(told["p99_ms"]))
    except (ValueError, TypeError, KeyError) as error:
        raise _rejected(folder, f"the process that opened it ended by {_ended(code)}") from error


def main() -> None:
    """The process: limits first, then the bundle."""
    wish = json.loads(sys.stdin.readline())
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)  # it does not outlive who asked
    with suppress(OSError):  # the systemd unit's filter of system calls forbids it; the limits below must hold
        os.nice(10)
    for what, most in (
        (resource.RLIMIT_AS, wish["memory"]),
        (resource.RLIMIT_CPU, round(wish["cpu_s"]) or 1),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library has to say is no reply
    folder = Path(wish["folder"])
    try:
        reply = _opened(folder, TrustedKeys(wish["keys"]), timedelta(seconds=wish["budget_s"]))
    except BundleRejected as error:
        name = error.path.name * (error.path != folder)
        reply = _told(name, error.rule, error.fix, lasts=not isinstance(error, BundleNotJudged))
    except ModelError as error:
        reply = _told("", str(error), "train another one")
    except MemoryError:
        reply = _told("", f"it takes more than {wish['memory'] >> 20} MiB", "train a smaller model", lasts=False)
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
    os._exit(0)  # nothing of the engine's clean-up may hang


def _told(file: str, rule: str, fix: str, *, lasts: bool = True) -> dict[str, object]:
    return {"file": file, "rule": rule[:2000], "fix": fix[:2000], "lasts": lasts}


def _opened(folder: Path, keys: TrustedKeys, budget: timedelta) -> dict[str, object]:
    bundle = read_bundle(folder, keys)
    scorer = OnnxScorer(bundle, folder / MODEL, budget, Watchdog())
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        follow(scorer, bundle.golden.rows[:1])
        times.append(time.perf_counter() - began)
    slow = sorted(times)[int(_SLOW * CALLS) - 1]
    if slow > budget.total_seconds():
        rule = f"one row takes {slow * 1e3:.0f} ms, and [[model]] time_budget is {budget.total_seconds() * 1e3:.0f} ms"
        raise BundleNotJudged(folder, rule, "train a smaller model, or give it a larger time_budget")
    return {"model": scorer.model, "counter": scorer.manifest.counter, "p99_ms": slow * 1e3}


def _rejected(folder: Path, rule: str) -> BundleNotJudged:
    return BundleNotJudged(folder, rule, "it is tried again; train a smaller model, or one of another kind")


def _ended(code: int) -> str:
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


if __name__ == "__main__":
    main()
