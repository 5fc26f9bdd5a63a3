"""podman as this machine lets it run: plain where that works, else with what a host without systemd needs."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# What the gateway is given everywhere, in compose.yaml and k3s.yaml in their words.
HARDENED = (
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:size=16m", "--cap-drop=ALL"),
    "--security-opt=no-new-privileges",
)
# What a host may not let us do, root or not: raise limits; make control groups. None of it is about the image.
_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024")
_LADDER = ((), _LIMITS, (*_LIMITS, "--cgroups=disabled"))
# crun does not know a host that has both versions of control groups: where that is so, in a mount namespace of our own.
_BOTH_CGROUPS = "/sys/fs/cgroup/unified"
_S = 60.0


class CannotRunError(Exception):
    """This machine does not run containers; why, in podman's words."""


@dataclass(frozen=True)
class Engine:
    before: tuple[str, ...]
    options: tuple[str, ...]

    def __call__(self, *words: str, check: bool = True, timeout: float = _S) -> str:
        """What the command said, the gateway's own log among it."""
        made = subprocess.run(
            [*self.before, "podman", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if words[0] == "logs" else subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert made.returncode == 0 or not check, f"podman {' '.join(words)}: {made.stderr}"
        return made.stdout

    def succeeds(self, *words: str) -> bool:
        command = [*self.before, "podman", *words]
        return subprocess.run(command, capture_output=True, timeout=_S, check=False).returncode == 0

    def run(self, image: str, *words: str, options: tuple[str, ...] = ()) -> str:
        return self("run", *self.options, *HARDENED, *options, image, *words)

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = json.loads(self(kind, "inspect", name))
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def engine(image: str) -> Iterator[Engine]:
    """The way in which the image runs here, with as little more as it takes.

    Raises:
        CannotRunError: There is none.
    """
    if shutil.which("podman") is None or not Engine((), ()).succeeds("image", "exists", image):
        msg = f"there is no podman here, or no {image}: `make container-test` builds it"
        raise CannotRunError(msg)
    said = ""
    with contextlib.ExitStack() as stack:
        for before in ((), *_own_namespace(stack)):
            for options in _LADDER:
                tried = subprocess.run(
                    [*before, "podman", "run", "--rm", *options, "--network=host", image, "--version"],
                    capture_output=True,
                    text=True,
                    timeout=_S,
                    check=False,
                )
                if tried.returncode == 0:
                    yield Engine(before, (*options, "--network=host"))
                    return
                said = tried.stderr
        raise CannotRunError(said)


def _own_namespace(stack: contextlib.ExitStack) -> Iterator[tuple[str, ...]]:
    """A mount namespace without the second control groups, for as long as the stack is open."""
    holds = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", f"umount {_BOTH_CGROUPS} && echo ready && exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.enter_context(holds)
    assert holds.stdout is not None
    assert holds.stdin is not None
    stack.callback(holds.stdin.close)  # cat ends, and the namespace with it
    if holds.stdout.readline():
        yield ("nsenter", f"--mount=/proc/{holds.pid}/ns/mnt")
