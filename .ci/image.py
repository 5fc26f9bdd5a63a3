"""Builds the gateway's image where there is neither an engine nor a registry: debootstrap, buildah, root, Debian.

`python .ci/image.py base` makes the base alone, so that it can be begun early; `python .ci/image.py` makes both;
`python .ci/image.py remove` takes them away. Exit codes: 0 made, 1 failed, 77 = this machine cannot, and it says why.
The build gets what this machine reaches a package index and a mirror by: pip's configuration, certificates, proxies.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE, IMAGE = "localhost/sluicegate-ci-base:bookworm", "localhost/sluicegate-ci:gateway"
SUITE = "bookworm"
CANNOT = 77
_NO_USE = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
)
_OF_PIP = {"index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout", "retries"}


def main(wish: str) -> int:
    if reason := why_not():
        print(f"NOT RUN, the image cannot be built here: {reason}")
        return CANNOT
    began = time.monotonic()
    if wish == "remove":
        subprocess.run(["podman", "rmi", "--force", IMAGE, BASE], check=False, stdout=subprocess.DEVNULL)
        return 0
    try:
        if not there(BASE):
            make_base()
        if wish == "build":
            make_image()
    except subprocess.CalledProcessError as failed:
        print(f"{failed.cmd[0]} failed with {failed.returncode}")
        return 1
    print(f"{wish}: {time.monotonic() - began:.0f} s")
    return 0


def why_not() -> str:
    """What is missing; empty = it can be built here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes root on Linux"
    missing = [name for name in ("apt-get", "debootstrap", "buildah", "podman") if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)}"
    asked = subprocess.run(["podman", "info"], capture_output=True, text=True, check=False)
    return asked.stderr.strip() if asked.returncode else ""


def there(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def make_base() -> None:
    """Debian with Python and certificates, and without what only people read."""
    with tempfile.TemporaryDirectory(prefix="sluicegate-base-", dir="/var/tmp") as name:
        root = Path(name) / "root"
        call("debootstrap", "--variant=minbase", "--include=python3,ca-certificates", SUITE, root, mirror(), quiet=True)
        for folder in _NO_USE:
            for entry in (root / folder).iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        call("tar", "-C", root, "-cf", f"{name}/base.tar", ".")
        call("podman", "import", "--quiet", f"{name}/base.tar", BASE, quiet=True)


def make_image() -> None:
    with tempfile.TemporaryDirectory(prefix="sluicegate-image-") as name:
        written, certificates = pip_configuration()
        (Path(name) / "pip.conf").write_text(written)
        mounts = {Path("/etc/pip.conf"): Path(name) / "pip.conf", **{path: path for path in certificates}}
        call(
            *("buildah", "bud", "--quiet", "--isolation", "chroot", "--format", "docker"),
            *(word for into, source in mounts.items() for word in ("--volume", f"{source}:{into}:ro")),
            *("--build-arg", f"BASE={BASE}", "--target", "gateway", "--tag", IMAGE),
            *("--file", ROOT / "edge_gateway/container/Containerfile", ROOT),
            quiet=True,
        )


def call(*command: str | Path, quiet: bool = False) -> None:
    """Run it; what it said is shown when it fails."""
    made = subprocess.run(
        [str(word) for word in command],
        check=False,
        env={**os.environ, **proxies()},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if made.returncode:
        print((made.stdout or b"").decode(errors="replace")[-8000:])
    made.check_returncode()


def mirror() -> str:
    """Where this machine's apt has the suite from, else Debian's own."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    sites = [line.split()[1] for line in asked.stdout.splitlines() if line.split()[:1] == [SUITE]]
    return next(iter(sites), "http://deb.debian.org/debian")


def proxies() -> dict[str, str]:
    """Of apt's configuration, for what does not read it; those of the environment go before."""
    found = {}
    for scheme in ("http", "https"):
        asked = subprocess.run(
            ["apt-config", "shell", "PROXY", f"Acquire::{scheme}::Proxy"], capture_output=True, text=True, check=False
        )
        value = asked.stdout.strip().removeprefix("PROXY=").strip("'")
        if value and value != "DIRECT" and f"{scheme}_proxy" not in os.environ:
            found[f"{scheme}_proxy"] = value
    return found


def pip_configuration() -> tuple[str, list[Path]]:
    """One pip.conf of all that pip here is told by files and variables, and the certificates that it needs.

    Folders of this machine (find-links, file:) are left out: the build cannot see them.
    """
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found: dict[str, str] = {}
    for line in sorted(asked.stdout.splitlines(), key=lambda line: line.startswith(":env:")):  # variables go before
        name, _, value = line.partition("=")
        if (key := name.rpartition(".")[2]) in _OF_PIP:
            found[key] = " ".join(word for word in ast.literal_eval(value).split() if not word.startswith("file:"))
    written = "".join(f"{key} = {value}\n" for key, value in found.items() if value)
    named = [found.get("cert"), os.environ.get("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"]
    return f"[global]\n{written}", [path for path in sorted({Path(name) for name in named if name}) if path.is_file()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "build"))
