"""Whether a configuration can take the place of the one in force; in a process of its own.

`check` imports a user's modules and opens bundles: the supervisor must neither keep what these leave behind nor wait
for them. Run by `keeper.py`; the answer is a line of JSON on stdout.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_gateway.check import load_checked
from edge_gateway.cluster import as_host
from edge_gateway.config import written
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected, Problem
from edge_gateway.parent import end_with_parent
from edge_gateway.reload.changes import Changes, changes
from edge_gateway.reload.in_force import InForce, digests, in_force_path, read, write

_NICE = 5  # it may take a second of a core that the running flow wants


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a trial.

    Attributes:
        refusal: What is wrong, for people, as `check` says it; "" = nothing.
        brief: The same without values, for a record that leaves the site.
        changes: None = it is refused.
    """

    refusal: str = ""
    brief: str = ""
    changes: Changes | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        changes = None if self.changes is None else asdict(self.changes)
        return {"refusal": self.refusal, "brief": self.brief, "changes": changes}


def main() -> None:
    """CONFIG IN_FORCE NEXT [HOST]: try CONFIG against what is kept in IN_FORCE; what may follow it is kept in NEXT."""
    end_with_parent()
    config, in_force, following = map(Path, sys.argv[1:4])
    with suppress(OSError):  # the systemd unit forbids setpriority(2); a trial at full speed is one all the same
        os.nice(_NICE)
    sys.stdout.write(json.dumps(judge(config, in_force, following, *sys.argv[4:]).to_json()) + "\n")


def judge(path: Path, in_force: Path, following: Path, host: str | None = None) -> Verdict:
    """See `main`.

    Raises:
        OSError: What is in force cannot be read, or what follows not be kept.
        ValueError: The same.
    """
    old = read(in_force)
    try:
        config = load_checked(path, deep=True, host=host)
        new = InForce(old.generation + 1, config, digests(config))
        found = changes(old, new)
        problems = [*_fixed(found)] or [*_openable(as_host(config, host))]
        if problems:
            raise written.rejected(path, problems)
    except ConfigRejected as rejected:
        return Verdict(str(rejected), _brief(rejected))
    if not found.nothing:
        assert in_force_path(config) == in_force
        write(following, new)
    return Verdict(changes=found)


def _fixed(found: Changes) -> Iterator[Problem]:
    for key in found.refused:
        fix = "Stop the gateway and start it again, or write what it was."
        yield Problem(key, None, "cannot change while the gateway runs", fix)


def _openable(config: Config) -> Iterator[Problem]:
    """Secrets, certificates and engines: what only shows when it is used."""
    from edge_gateway.drivers import make_drivers  # noqa: PLC0415 - slow imports, only where all else is well
    from edge_gateway.tables import tag_tables  # noqa: PLC0415
    from models.errors import ModelError  # noqa: PLC0415
    from models.onnx_scorer import OnnxScorer  # noqa: PLC0415
    from models.watchdog import Watchdog  # noqa: PLC0415

    try:
        make_drivers(config, tag_tables(config))
    except (OSError, ValueError) as error:
        yield Problem("opcua, modbus", None, f"cannot be used: {error}", "Correct what it names.")
    for number, model in enumerate(config.model):
        if model.bundle is not None:
            try:
                OnnxScorer.load(model.bundle, config.models.keys(), model.time_budget, Watchdog())
            except ModelError as error:
                yield Problem(f"model[{number}].bundle", f'"{model.bundle}"', str(error).rstrip("."), "")


def _brief(rejected: ConfigRejected) -> str:
    """Keys and rules: a value may be nobody else's business."""
    told = [f"{problem.key}: {problem.rule}" for problem in rejected.problems]
    return "; ".join(told[:_MOST_TOLD]) + (f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else "")


_MOST_TOLD = 5

if __name__ == "__main__":
    main()
