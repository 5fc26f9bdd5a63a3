"""`sluicegate demo --grafana`: plant, gateway, InfluxDB and Grafana in containers, or how to have them without."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from edge_gateway.exit_codes import Exit

_CONTAINER = Path(__file__).parents[1] / "container"
COMPOSE = (_CONTAINER / "compose.yaml", _CONTAINER / "compose.demo.yaml")
_WAYS = (("docker", "compose"), ("podman", "compose"), ("podman-compose",))
_ASK_S = 20.0

_WITHOUT = """\
No `docker compose`, `podman compose` or `podman-compose` answers here, or this is not a checkout of the sources.

With an InfluxDB and a Grafana of your own:
  1. Add an \\[\\[influx]] table to gateway.toml, or play the demo with one: sluicegate demo --also influx.toml
     An example: {example}
  2. In Grafana import the dashboards of {dashboards}
  3. cloud_sink/grafana/README.md tells the rest, also how Grafana reads all of it at its start.
Without either, the gateway's own page is at http://127.0.0.1:8686/ while it runs."""

_LOOK = """\
Building and starting: plant and gateway, InfluxDB, Grafana. The first time takes minutes. Ctrl-C stops them; what they
have kept goes with: {command} down --volumes

  Grafana   http://127.0.0.1:3000   user admin, password in {password}
  InfluxDB  http://127.0.0.1:8086   organisation plant, bucket sluicegate

A first look, after about a minute:
  Plant overview   two pumps with a score; a red line where an alert was raised; Uplink says "down, holding" for a while
  Asset            the score crosses 1 while a fault is on, and the alert names the tags
  Gateway          three processes, no drops, "Waiting" rises during the outage and falls after it"""


def demo_in_containers(folder: Path) -> int:
    """Start them and stay until Ctrl-C, or say how to do without.

    Args:
        folder: For the secrets; made where it is missing.

    Returns:
        An `Exit` code.
    """
    console = Console(soft_wrap=True)
    way = compose_command()
    if way is None or not (COMPOSE[0].parents[2] / "pyproject.toml").is_file():
        dashboards = COMPOSE[0].parents[2] / "cloud_sink" / "grafana" / "dashboards"
        console.print(_WITHOUT.format(example=_CONTAINER / "influx.toml", dashboards=dashboards))
        return Exit.OK
    kept = folder.resolve()
    make_secrets(kept)
    command = [*way, *(word for file in COMPOSE for word in ("-f", str(file)))]
    console.print(_LOOK.format(command=" ".join(command), password=kept / "grafana-password"))
    try:
        ended = subprocess.run([*command, "up", "--build"], env={**os.environ, "SECRETS": str(kept)}, check=False)
    except KeyboardInterrupt:
        return Exit.OK
    return Exit.OK if ended.returncode in {0, 130} else Exit.FAILED


def compose_command() -> tuple[str, ...] | None:
    """What answers as compose on this machine; None = nothing."""
    for way in _WAYS:
        if shutil.which(way[0]) is None:
            continue
        try:
            asked = subprocess.run([*way, "version"], capture_output=True, timeout=_ASK_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0:
            return way
    return None


def make_secrets(folder: Path) -> None:
    """A token and a password of their own, made once, for this user and the containers alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("influx-token", "grafana-password"):
        file = folder / name
        if not file.exists():
            # Readable for the containers' users, whose numbers are not ours; the folder keeps others out.
            file.touch(mode=0o644)
            file.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
