"""A bundle from elsewhere is opened for the first time in a process that may die of it: `python -m models.trial`.

Its memory, its time and its files are limited; what the engine does to it, it does not to the gateway. A bundle that
passes is opened again by the flow, on a path that was walked once.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from models.bundle import MODEL, read_bundle
from models.errors import BundleRejected, ModelError
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
_MOST_REPLY = 16_384
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
        BundleRejected: It is refused, or the process died of it.
    """
    wish = {"folder": str(folder), "keys": keys.texts, "budget_s": budget.total_seconds(), "memory": memory}
    wish["cpu_s"] = seconds
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "models.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    ) as process:
        try:
            out, _ = process.communicate(json.dumps(wish).encode() + b"\n", timeout=2 * seconds)
        except subprocess.TimeoutExpired:
            raise _rejected(folder, f"it was not ready after {2 * seconds:g} s") from None
        finally:
            process.kill()
    return _passed(folder, out, process.returncode)


def _passed(folder: Path, out: bytes, code: int) -> Passed:
    """What the process said, if it said anything that makes sense: a bundle may have got the better of it."""
    try:
        told = json.loads(out[:_MOST_REPLY])
        if "rule" in told:
            raise BundleRejected(folder / str(told["file"]), str(told["rule"]), str(told["fix"]))
        return Passed(str(told["model"]), int(told["counter"]), float(told["p99_ms"]))
    except (ValueError, TypeError, KeyError) as error:
        raise _rejected(folder, f"the process that opened it ended by {_ended(code)}") from error


def main() -> None:
    """The process: limits first, then the bundle."""
    wish = json.loads(sys.stdin.readline())
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)  # it does not outlive who asked
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
        reply = {"file": error.path.name * (error.path != folder), "rule": error.rule[:2000], "fix": error.fix[:2000]}
    except ModelError as error:
        reply = {"file": "", "rule": str(error)[:2000], "fix": "train another one"}
    except MemoryError:
        reply = {"file": "", "rule": f"it takes more than {wish['memory'] >> 20} MiB", "fix": "train a smaller model"}
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
    os._exit(0)  # nothing of the engine's clean-up may hang


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
        raise BundleRejected(folder, rule, "train a smaller model, or give it a larger time_budget")
    return {"model": scorer.model, "counter": scorer.manifest.counter, "p99_ms": slow * 1e3}


def _rejected(folder: Path, rule: str) -> BundleRejected:
    return BundleRejected(folder, rule, "train a smaller model, or one of another kind")


def _ended(code: int) -> str:
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


if __name__ == "__main__":
    main()
