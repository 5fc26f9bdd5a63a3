"""The flow process: journal -> dataflow -> outbox, as one Bytewax worker."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from pathlib import Path

import structlog
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import (
    InconsistentPartitionsError,
    MissingPartitionsError,
    NoPartitionsError,
    RecoveryConfig,
    init_db_dir,
)
from bytewax.run import cli_main

from edge_gateway.config.config import Config
from edge_gateway.dataflow import assemble
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.own_folder import own_folder
from edge_gateway.reload.follower import Follower

log = structlog.get_logger(__name__)

_PARTITIONS = 1  # of the recovery store; one worker needs one


def flow_process(config: Config, follower: Follower | None = None) -> int:
    """Run the configured dataflow until told to stop, or until it raises.

    Args:
        config: Of the gateway.
        follower: Says when another one is in force.

    Returns:
        `Exit.OK`, or `Exit.FLOW` when a step raised (its state is kept, a restart resumes before the item) or when the
        recovery store cannot be used.

    Raises:
        FolderRefused: The folder of the recovery stores is not this user's own.
    """
    flow, status, gateway = assemble(config, follower)
    recovery = Layout(config.gateway.data).recovery
    own_folder(recovery)
    store = recovery / flow.flow_id  # a store belongs to one flow
    if not any(store.glob("part-*.sqlite3")):
        _make_store(store)
    log.info("flow_started", flow=flow.flow_id)
    try:
        cli_main(  # type: ignore[no-untyped-call]
            flow,
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
    finally:
        gateway.close()
        status.beat(now=True)
    log.info("flow_stopped")
    return Exit.OK


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
