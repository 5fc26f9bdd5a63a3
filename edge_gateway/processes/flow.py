"""The flow process: journal -> dataflow -> outbox, as one Bytewax worker, or as one process of a cluster."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import structlog
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import (
    InconsistentPartitionsError,
    MissingPartitionsError,
    NoPartitionsError,
    RecoveryConfig,
    init_db_dir,
)
from bytewax.run import cli_main

from edge_gateway.cluster import ALONE, Share
from edge_gateway.config.config import Config
from edge_gateway.dataflow import assemble
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.own_folder import own_folder
from edge_gateway.peer_watch import PeerWatch
from edge_gateway.reload.follower import Follower
from edge_gateway.signals import StopFlag

log = structlog.get_logger(__name__)

# Of the recovery store, however many workers there are: they send what they keep to the one that has it. So a host can
# be added or taken away without a new store; and it is all in one place, of the first process.
_PARTITIONS = 1
_ELSEWHERE = "elsewhere"  # an empty folder, for processes that do not have the store
_FOR_EVER = timedelta(days=365)


class FlowRaised(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A step of a dataflow raised; says what."""


def flow_process(config: Config, share: Share = ALONE, follower: Follower | None = None) -> int:
    """Run the configured dataflow until told to stop, or until it raises.

    Args:
        config: Of the gateway, with the links of all hosts of its cluster.
        share: Of this process in a cluster.
        follower: Says when another configuration is in force.

    Returns:
        `Exit.OK`, or `Exit.FLOW` when a step raised (its state is kept, a restart resumes before the item), when the
        recovery store cannot be used, or when another process of the cluster is lost.

    Raises:
        FolderRefused: The folder of the recovery stores is not this user's own.
    """
    stop = StopFlag()
    watch = PeerWatch(
        share.lost_after.total_seconds(), lambda lost: os._exit(Exit.FLOW if lost else Exit.OK), stop.is_set
    )
    flow, status, gateway = assemble(config, stop, share, None if share.alone else watch.passed, follower)
    store = _store(Layout(config.gateway.data).recovery, flow.flow_id, share)
    log.info("flow_started", flow=flow.flow_id, member=share.process, members=max(1, len(share.addresses)))
    if not share.alone and share.journal is not None:
        watch.start()
        status.beat(now=True)  # the first pass may be long in coming
    try:
        cli_main(  # type: ignore[no-untyped-call]
            flow,
            workers_per_process=share.workers,
            process_id=None if share.alone else share.process,
            addresses=None if share.alone else list(share.addresses),
            epoch_interval=config.gateway.epoch,
            recovery_config=RecoveryConfig(store, timedelta(0)),  # type: ignore[no-untyped-call]
        )
    except BytewaxRuntimeError as error:
        log.error("flow_raised", cause=_cause(error), exc_info=sys.exc_info())
        return Exit.FLOW
    except (InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError) as error:
        fix = "Move it aside: the flow then begins where its last snapshot was, without open windows and alerts."
        log.error("flow_cannot_resume", store=str(store), cause=str(error), fix=fix)
        return Exit.FLOW
    except RuntimeError as error:
        if "SqliteFailure" not in str(error):  # of the recovery store; nothing else tells it from a bug
            raise
        log.warning("flow_snapshot_failed", store=str(store), cause=str(error))
        return Exit.FLOW
    except BaseException as error:
        # Bytewax panics when a peer is gone, and pyo3 gives what is no Exception a type that cannot be imported.
        if type(error).__name__ != "PanicException" or share.alone:
            raise
        log.error("cluster_peer_gone", cause=str(error))
        return Exit.FLOW
    finally:
        gateway.close()
        status.beat(now=True)
    log.info("flow_stopped")
    return Exit.OK


def run_once(flow: Dataflow) -> None:
    """Run a flow whose input ends, without snapshots: all of it is one epoch.

    Raises:
        FlowRaised: A step raised.
    """
    try:
        cli_main(flow, epoch_interval=_FOR_EVER)  # type: ignore[no-untyped-call]
    except BytewaxRuntimeError as error:
        raise FlowRaised(_cause(error)) from error


def _store(recovery: Path, flow_id: str, share: Share) -> Path:
    """Of the flow, for a store belongs to one; made where it is missing."""
    own_folder(recovery)
    if not share.keeps_state:
        store = recovery / _ELSEWHERE
        store.mkdir(exist_ok=True)
        return store
    store = recovery / flow_id
    if not any(store.glob("part-*.sqlite3")):
        _make_store(store)
    return store


def _make_store(store: Path) -> None:
    """Under another name until it is whole: Bytewax could not start from half of one, not at any later start either."""
    fresh = store.with_name(store.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    init_db_dir(fresh, _PARTITIONS)  # type: ignore[no-untyped-call]
    fresh.rename(store)


def _cause(error: BaseException) -> str:
    """The sentence at the bottom of the chain: Bytewax wraps a step's error two or three times."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"
