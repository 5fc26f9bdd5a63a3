"""What a gateway is made of, and whether flaws of it are known: `make supply-chain`.

Writes var/sbom.cdx.json (CycloneDX 1.6) of an environment made from the hash-locked `gateway.lock`, holds it against
the lock, and asks for known flaws with pip-audit. Exit code 1: a part is missing, or a flaw is known. Where the
database of flaws cannot be reached this is said, and is no failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

LOCK = Path("edge_gateway/container/gateway.lock")
SUPPLY, SBOM = Path("var/supply"), Path("var/sbom.cdx.json")
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "NameResolutionError")


def main() -> int:
    """Both checks."""
    tools = SUPPLY / "tools" / "bin"
    gateway = SUPPLY / "gateway" / "bin" / "python"
    subprocess.run(
        [gateway, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"], check=False, capture_output=True
    )
    subprocess.run(
        [
            *(tools / "cyclonedx-py", "environment", gateway, "--pyproject", "pyproject.toml", "--spec-version", "1.6"),
            *("--output-reproducible", "--validate", "--output-format", "JSON", "--output-file", SBOM),
        ],
        check=True,
    )
    return max(parts_told(), flaws(tools))


def parts_told() -> int:
    """Every package of the lock that this system needs is in the list, and nothing else."""
    parts = {part["name"].lower().replace("_", "-"): part for part in json.loads(SBOM.read_text())["components"]}
    told = {f"{name}=={part['version']}" for name, part in parts.items()}
    lines = re.findall(r"^[a-z0-9][^\\\n]*", LOCK.read_text(), re.MULTILINE)
    locked = [Requirement(line) for line in lines]
    needed = {f"{one.name}{one.specifier}" for one in locked if one.marker is None or one.marker.evaluate()}
    unlicensed = sorted(name for name, part in parts.items() if not part.get("licenses"))
    print(f"{SBOM}: {len(told)} parts; the lock has {len(needed)} for this system, {len(locked)} in all")
    if unlicensed:
        print(f"  without a licence in their metadata: {', '.join(unlicensed)}")
    for what, found in (("missing", needed - told), ("not in the lock", told - needed)):
        if found:
            print(f"  {what}: {', '.join(sorted(found))}", file=sys.stderr)
    return 0 if told == needed else 1


def flaws(tools: Path) -> int:
    """What pip-audit says."""
    run = subprocess.run(
        [tools / "pip-audit", "-r", LOCK, "--require-hashes", "--disable-pip", "--progress-spinner=off", "-f", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        asked = json.loads(run.stdout)["dependencies"]
    except ValueError:
        said = (run.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
        if any(word in run.stderr for word in UNREACHABLE):
            print(f"known flaws: NOT CHECKED, the database cannot be reached ({said})")
            return 0
        print(f"known flaws: pip-audit failed: {said}", file=sys.stderr)
        return 1
    known = [one for one in asked if "vulns" in one]
    for one in known:
        for flaw in one["vulns"]:
            mended = ", ".join(flaw.get("fix_versions", [])) or "no version yet"
            print(f"  {one['name']} {one['version']}: {flaw['id']}, mended in {mended}", file=sys.stderr)
    if not known:
        print("known flaws: NOT CHECKED, the database has none of these packages: it is not the real one")
        return 0
    bad = sum(bool(one["vulns"]) for one in known)
    print(
        f"known flaws: {bad} of {len(known)} packages have one"
        + (f"; {len(asked) - len(known)} not known there" if len(asked) > len(known) else "")
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
