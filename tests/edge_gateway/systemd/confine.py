"""`python confine.py UNIT COMMAND...`: run a command under the system-call rules of a unit, without systemd.

What systemd itself would load for SystemCallFilter=, RestrictAddressFamilies= and MemoryDenyWriteExecute= (its
seccomp-util.c), as two filters: one that knows what is allowed, one that knows what is not; the stricter of both holds.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import edge_gateway

UNIT = Path(str(edge_gateway.__file__)).parent / "systemd" / "sluicegate.service"

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # seccomp.h of libseccomp
_EQUAL, _MASKED_EQUAL = 4, 7
_WRITE, _EXEC = 2, 4  # mmap(2)
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
_NO_NEW_PRIVS = 38  # prctl(2)


class _Compare(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings(unit: Path) -> dict[str, list[str]]:
    """Values by key, in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def groups() -> dict[str, list[str]]:
    """Members of systemd's groups of system calls."""
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    name = ""
    for line in told.stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif name and (member := line.strip()) and not member.startswith("#"):
            found[name].append(member)
    return found


def expanded(names: list[str], known: dict[str, list[str]]) -> Iterator[str]:
    for name in names:
        yield from expanded(known[name], known) if name.startswith("@") else [name]


def allowed(filters: list[str]) -> set[str]:
    """What SystemCallFilter= leaves."""
    known, left = groups(), set[str]()
    for line in filters:
        if line.startswith("~"):
            left -= set(expanded(line[1:].split(), known))
        else:
            left |= set(expanded(line.split(), known))
    return left


def confine(unit: Path) -> None:
    """From now on, for this process and all that it starts."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Compare),
    )
    told = settings(unit)
    refuse = _ERRNO | getattr(errno, told["SystemCallErrorNumber"][0])

    def number(name: str) -> int:
        return library.seccomp_syscall_resolve_name(name.encode())

    def rule(context: int, action: int, name: str, *compared: _Compare) -> None:
        array = (_Compare * len(compared))(*compared)
        assert library.seccomp_rule_add_array(context, action, number(name), len(compared), array) == 0, name

    def load(context: int) -> None:
        assert library.seccomp_load(ctypes.c_void_p(context)) == 0

    assert ctypes.CDLL(None).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    denied = library.seccomp_init(_ALLOW)
    families = [_FAMILIES[name] for name in told["RestrictAddressFamilies"][0].split()]
    for family in set(range(46)) - set(families):
        rule(denied, _ERRNO | errno.EAFNOSUPPORT, "socket", _Compare(0, _EQUAL, family, 0))
    if told["MemoryDenyWriteExecute"] == ["yes"]:
        rule(denied, _ERRNO | errno.EPERM, "mmap", _Compare(2, _MASKED_EQUAL, _WRITE | _EXEC, _WRITE | _EXEC))
        for name in ("mprotect", "pkey_mprotect"):
            rule(denied, _ERRNO | errno.EPERM, name, _Compare(2, _MASKED_EQUAL, _EXEC, _EXEC))
    permitted = library.seccomp_init(refuse)
    for name in sorted(allowed(told["SystemCallFilter"])):
        if number(name) >= 0:  # else of another architecture
            rule(permitted, _ALLOW, name)
    load(denied)
    load(permitted)


if __name__ == "__main__":
    confine(Path(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
