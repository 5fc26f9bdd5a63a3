"""A configured dataflow for Bytewax's runner: `python -m bytewax.run "edge_gateway.dataflow:build('gateway.toml')"`.

The acquire process must run beside it (`sluicegate run gateway.toml --only acquire`) and `--only deliver` empties the
outbox. With a recovery store (`-r FOLDER -s 5 -b 0`) it resumes as `sluicegate run` does, which also restarts it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_sink.outbox.lock import RoleLock
from edge_gateway.check import load_checked
from edge_gateway.cluster import ALONE, Share
from edge_gateway.flow_file import build_flow
from edge_gateway.gateway import LocalGateway
from edge_gateway.layout import Layout
from edge_gateway.reload.follower import Follower
from edge_gateway.signals import StopFlag
from edge_gateway.status import StatusFile

if TYPE_CHECKING:
    from bytewax.dataflow import Dataflow

    from edge_gateway.config.config import Config

_TAKE_OVER = timedelta(seconds=5)  # for which a starting flow waits for a dying one


def build(path: str) -> Dataflow:
    """The dataflow that a configuration names, with journal, outbox and models of that gateway.

    SIGTERM and SIGINT then drain it: its source ends, final snapshots are written.

    Args:
        path: Of gateway.toml; Bytewax's runner passes literals only.

    Raises:
        ConfigRejected: With all problems.
        FlowRejected: The configured flow cannot be used.
        ModelError: A bundle is refused.
        OutboxLocked: Another process runs a flow of this gateway.
    """
    config = load_checked(Path(path))
    config.gateway.data.mkdir(parents=True, exist_ok=True)
    # The role that `sluicegate run` claims: two flows would not survive each other. Held until the process ends
    RoleLock(config.gateway.data / "flow.lock", _TAKE_OVER)
    flow, _, _ = assemble(config, StopFlag())
    return flow


def assemble(
    config: Config,
    stop: StopFlag,
    share: Share = ALONE,
    on_pass: Callable[[], None] | None = None,
    follower: Follower | None = None,
) -> tuple[Dataflow, StatusFile, LocalGateway]:
    """The dataflow, the status it writes while it runs, and the gateway, to be closed when it has ended.

    Args:
        config: Of the gateway.
        stop: Ends its source.
        share: Of this process in a cluster.
        on_pass: Called several times a second while the dataflow makes progress.
        follower: Says when another configuration is in force.
    """

    def beat() -> None:
        status.beat()
        if on_pass is not None:
            on_pass()

    gateway = LocalGateway(config, stop.is_set, beat, share, follower=follower)
    status = StatusFile(Layout(config.gateway.data).status, share.role, gateway.facts)
    return build_flow(config.gateway.flow, gateway), status, gateway
