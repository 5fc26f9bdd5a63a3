"""What goes into a bundle, part by part. Each is bounded, and one that cannot be had says so in its place."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from cloud_sink.errors import CloudSinkError
from cloud_sink.outbox.stat import read_stat
from connectors.errors import ConnectorError
from connectors.journal.segments import list_bases, segment_path
from edge_gateway import __version__
from edge_gateway.check import describe, load_checked
from edge_gateway.config.config import Config
from edge_gateway.config.environment import expanded
from edge_gateway.config.load import load
from edge_gateway.config.pins import path_of
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.layout import Layout
from edge_gateway.model_fit import store_of
from edge_gateway.overview import Onlook
from models.errors import ModelError

_MOST_BYTES = 2**20  # of a file
_MOST_LINES = 2000  # of a log
_MOST_FILES = 500  # of a listing
_UNIT = "sluicegate"  # of systemd
_PATIENCE_S = 10


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the bundle.

    Attributes:
        name: Its path there.
        about: What it is, in a few words.
        read: Gives its text; raises what `gathered` tells.
    """

    name: str
    about: str
    read: Callable[[], str]


def parts_of(path: Path, layout: Layout, logs: Sequence[Path]) -> Iterator[Part]:
    """All of them.

    Args:
        path: Of the configuration.
        layout: Its data folder.
        logs: Files of logs; () = systemd's journal is asked.
    """
    yield Part("versions.json", "this software, Python, libraries, platform", _versions)
    yield Part(path.name, "the configuration, secrets taken out", partial(_text, path))
    for one in _beside(path):
        yield Part(f"beside/{one.name}", "register map or pinned tags", partial(_text, one))
    yield Part("check.txt", "what `sluicegate check` says", partial(_check, path))
    yield Part("overview.json", "what `sluicegate status` says", partial(_overview, path))
    for file in sorted(layout.status.glob("*.json")) if layout.status.is_dir() else ():
        yield Part(f"status/{file.name}", "what a process said of itself", partial(_text, file))
    yield Part("outbox.json", "how much waits, and what was lost", partial(_outbox, layout.outbox))
    yield Part("journal.json", "segments with sizes and ages", partial(_journal, layout.journal))
    yield Part("models.json", "versions in the store, and what serves", partial(_models, path))
    yield Part("system.json", "disk, memory, clock, limits, sizes in the data folder", partial(_system, layout))
    yield Part("environment.txt", "names of environment variables, no values", _names)
    for log in logs:
        yield Part(f"logs/{log.name}", f"its last {_MOST_LINES} lines", partial(_tail, log))
    if not logs:
        yield Part("logs/systemd.txt", f"the last {_MOST_LINES} lines of unit {_UNIT}", _systemd)


def gathered(part: Part) -> str:
    """Its text, or why there is none."""
    try:
        return part.read()
    except ConfigRejected as rejected:
        return f"the configuration is refused: {rejected}\n"
    except (CloudSinkError, ConnectorError, ModelError, OSError, ValueError, subprocess.SubprocessError) as error:
        return f"could not be had: {type(error).__name__}: {error}\n"


def _versions() -> str:
    names = metadata.requires(_UNIT) or []
    libraries: dict[str, str | None] = {}
    for requirement in names:
        name = requirement.split(";")[0].split("[")[0].split("=")[0].split(">")[0].split("<")[0].strip()
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            libraries[name] = None
    system = {"system": platform.platform(), "machine": platform.machine(), "python": sys.version}
    return _json({"sluicegate": __version__, **system, "libraries": dict(sorted(libraries.items()))})


def _check(path: Path) -> str:
    console = Console(width=160, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(describe(load_checked(path, deep=True), path))
    return captured.get()


def _overview(path: Path) -> str:
    onlook = Onlook(load(path))
    try:
        return _json(json.loads(_json(asdict(onlook.look())), parse_constant=lambda _: None))  # JSON knows no NaN
    finally:
        onlook.rest()


def _outbox(folder: Path) -> str:
    found = read_stat(folder)
    waiting = {lane.name.lower(): asdict(one) for lane, one in found.backlog.items()}
    accounts = [asdict(one) for one in found.accounts]
    more = {"set_aside": found.set_aside, "tombstones": found.tombstones, "accounts": accounts}
    return _json({"waiting": waiting, "losses": dict(found.losses), **more})


def _journal(folder: Path) -> str:
    segments = []
    for base in list_bases(folder)[-_MOST_FILES:]:
        found = segment_path(folder, base).stat()
        segments.append({"base": base, "bytes": found.st_size, "age_s": round(time.time() - found.st_mtime)})
    return _json({"segments": segments, "bytes": sum(one["bytes"] for one in segments)})


def _models(path: Path) -> str:
    config: Config = load(path)
    store = store_of(config)
    bundles = [str(model.bundle) for model in config.model if model.bundle is not None]
    lives = json.loads(_text(store.file)) if store.file.exists() else None
    return _json({"bundles": bundles, "store": store.versions(), "lives": lives})


def _system(layout: Layout) -> str:
    import resource  # noqa: PLC0415 - POSIX only, like the gateway itself

    root = next((one for one in (layout.root, *layout.root.parents) if one.exists()), Path("/"))
    disk, files = shutil.disk_usage(root), os.statvfs(root)
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return _json(
        {
            "disk": {"total": disk.total, "free": disk.free, "inodes_free": files.f_favail},
            "cpus": os.cpu_count(),
            "load": os.getloadavg(),
            "clock": {"wall": time.time(), "monotonic": time.monotonic(), "zone": time.tzname},
            "synchronized": Path("/run/systemd/timesync/synchronized").exists(),
            "memory": _lines("/proc/meminfo", "MemTotal", "MemAvailable", "SwapTotal", "SwapFree"),
            "cgroup": {
                name: _first_line(f"/sys/fs/cgroup/{name}") for name in ("memory.max", "memory.current", "cpu.max")
            },
            "limits": limits,
            "files": _listing(layout.root),
        }
    )


def _listing(root: Path) -> list[tuple[str, int]]:
    """Names and sizes, never contents."""
    found = []
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            file = Path(folder) / name
            try:
                found.append((str(file.relative_to(root)), file.lstat().st_size))
            except FileNotFoundError:  # a running gateway removes files
                continue
        if len(found) >= _MOST_FILES:
            break
    return found[:_MOST_FILES]


def _names() -> str:
    return "".join(f"{name}\n" for name in sorted(os.environ))


def _systemd() -> str:
    command = ["journalctl", "--unit", _UNIT, "--lines", str(_MOST_LINES), "--no-pager", "--output", "short-iso"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False, errors="replace")
    return done.stdout or done.stderr


def _tail(file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _MOST_BYTES))
        text = opened.read(_MOST_BYTES).decode(errors="replace")
    return "\n".join(text.splitlines()[-_MOST_LINES:]) + "\n"


def _beside(path: Path) -> Iterator[Path]:
    """TOML files that the configuration is made of; what keys such as `password_file` name is never opened."""
    pins = path_of(path)
    if pins.is_file():
        yield pins
    try:
        data, _ = expanded(tomllib.loads(path.read_text(encoding="utf-8-sig")), os.environ)
    except (OSError, ValueError):
        return
    for name in sorted(set(_maps({"modbus": data.get("modbus")}))):
        if (file := path.resolve().parent / name).is_file():
            yield file


def _maps(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, list):
            for one in value:
                if isinstance(one, dict):
                    yield from _maps(one)
        if key == "map" and isinstance(value, str):
            yield value


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_MOST_BYTES).decode("utf-8", errors="replace")


def _lines(file: str, *names: str) -> dict[str, str]:
    found = (line.partition(":") for line in Path(file).read_text(encoding="ascii").splitlines())
    return {name: value.strip() for name, _, value in found if name in names}


def _first_line(file: str) -> str | None:
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, default=str) + "\n"
