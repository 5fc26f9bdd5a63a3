"""The locks of the images: what was tested, all that is needed, and for both kinds of processor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import edge_gateway

ROOT = Path(__file__).parents[3]
CONTAINER = Path(edge_gateway.__file__).parent / "container"


def pins(name: Path) -> dict[str, set[str]]:
    """Package -> versions, of a lock."""
    found: dict[str, set[str]] = {}
    for line in name.read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


@pytest.mark.parametrize("name", ["gateway.lock", "demo.lock", "build.lock"])
def test_the_images_hold_what_was_tested(name: str) -> None:
    whole, part = pins(ROOT / "requirements.lock"), pins(CONTAINER / name)
    assert {package: part[package] - whole.get(package, set()) for package in part} == {
        package: set() for package in part
    }


def test_a_gateway_holds_all_it_needs_and_nothing_that_fits_models() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=\[ ]", one)[0].lower() for one in project["dependencies"]}
    has = pins(CONTAINER / "gateway.lock")
    assert wanted <= has.keys()
    assert not {"scikit-learn", "scipy", "pymodbus", "pytest"} & has.keys()


@pytest.mark.slow  # asks the package index
@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_lock_has_a_wheel_of_everything(machine: str, python: str, tmp_path: Path) -> None:
    """Nothing is compiled in the build, and nothing is downloaded here: the index tells names and hashes."""
    lock, report = CONTAINER / "gateway.lock", tmp_path / "report.json"
    platforms = [f"manylinux2014_{machine}", *(f"manylinux_2_{glibc}_{machine}" for glibc in range(17, 37))]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"),
        *("--disable-pip-version-check", "--require-hashes", "--only-binary=:all:", "--report", report),
        *("--target", tmp_path / "nowhere", "--implementation", "cp", "--python-version", python),
        *(word for platform in platforms for word in ("--platform", platform)),
        *("-r", lock),
    ]
    asked = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=100, check=False)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(report.read_text())["install"]
    hashes = set(re.findall(r"--hash=sha256:(\w+)", lock.read_text()))
    names = [one["download_info"]["url"].rpartition("/")[2] for one in found]
    assert {one["metadata"]["name"].lower() for one in found} >= {"bytewax", "onnxruntime", "pyarrow", "apsw"}
    assert all(one["download_info"]["archive_info"]["hashes"]["sha256"] in hashes for one in found)
    assert all(name.endswith((f"_{machine}.whl", "-any.whl")) for name in names), names
