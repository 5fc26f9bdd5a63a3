"""How a gateway's dataflow is spread, as told to `sluicegate run`, and what its processes are told of it."""

from __future__ import annotations

from dataclasses import dataclass

from edge_gateway.cluster import NoSuchHost, Share, number_of, share_of
from edge_gateway.config.config import Config


@dataclass(frozen=True, slots=True)
class Spread:
    """How the dataflow is spread over processes and machines.

    Attributes:
        host: Of the `[cluster]` table; None = one machine.
        processes: Flow processes on this machine.
        workers: Threads of each.
        process: The number of this one, where the supervisor started several.
        addresses: Of all of them.
    """

    host: str | None = None
    processes: int = 1
    workers: int = 1
    process: int = 0
    addresses: tuple[str, ...] = ()

    def share(self, config: Config) -> Share:
        """Of a flow process."""
        return share_of(config, self.host, process=self.process, addresses=self.addresses, workers=self.workers)

    def arguments(self, role: str, addresses: tuple[str, ...]) -> list[str]:
        """For a process of this role."""
        host = ["--host", self.host] if self.host else []
        if not role.startswith("flow"):
            return ["--only", role, *host]
        spread = ["--workers-per-process", str(self.workers)]
        if addresses:
            spread += ["--process-id", role.removeprefix("flow-") if role != "flow" else "0"]
            spread += ["--addresses", ",".join(addresses)]
        return ["--only", "flow", *host, *spread]

    def refusal(self, config: Config) -> str:
        """Why it cannot be; "" = it can."""
        if config.cluster.hosts or self.host:
            try:
                number_of(config, self.host)
            except NoSuchHost as error:
                return str(error)
            if self.processes > 1:
                return "--processes goes with one machine; a host of [cluster] has one flow process"
        if (self.processes > 1 or self.workers > 1) and any(model.name for model in config.model):
            return "[[model]] name: the life of a model is watched by one worker only; name its folder with `bundle`"
        return ""


ONE = Spread()
