"""The supervisor's part of a reload: one at a time, all processes or none.

1. The file is tried in a process of its own. Refused: nothing else happens.
2. It comes into force: the file that processes start from is replaced. From here on a kill of anything, this process
   too, leaves one configuration that is whole.
3. Processes that need it are started again, the others take it over, and each says so in its status.
4. If one of them refuses it, or ends by itself before it has taken it over, the former comes back into force under the
   next generation, everywhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from edge_gateway.config.config import Config
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.notify import Notifier
from edge_gateway.reload.changes import Part
from edge_gateway.reload.effects import FLOW
from edge_gateway.reload.follower import VARIABLE
from edge_gateway.reload.in_force import InForce, digests, in_force_path, read, write
from edge_gateway.reload.outcomes import ACCEPTED, REFUSED, SAME, Outcome, add_outcome, read_outcomes
from edge_gateway.status import PAGE, ROLES, read_status

log = structlog.get_logger(__name__)

_TRIAL_S = 60.0  # a user's module may hang while it is imported
_SETTLE_S = 30.0  # a stop takes 8 s at most, a start with a large recovery store some more
_HOLD_S = 2.0  # for which one that was started again has to go on: a step may raise at its first item
_LOOK_S = 0.05


class Processes(Protocol):
    """What is asked of the supervisor."""

    def pid(self, role: str) -> int | None:
        """Of the running process; None = there is none just now."""
        ...

    async def restart(self, role: str) -> None:
        """End it in peace and start it again at once; returns when it has ended."""
        ...

    def begin(self, role: str) -> None:
        """Keep one more process."""
        ...

    async def finish(self, role: str) -> None:
        """End it for good."""
        ...

    @property
    def roles(self) -> tuple[str, ...]:
        """Those that are kept."""
        ...


class Keeper:
    """Owns the configuration in force.

    Attributes:
        environment: For every process that is started; empty where the disk refused, and the file is read as it is.
    """

    def __init__(
        self,
        source: Path,
        config: Config,
        notifier: Notifier | None = None,
        host: str | None = None,
        *,
        clustered: bool = False,
        on_accept: Callable[[Config], None] = lambda _: None,
    ) -> None:
        """Put the configuration into force that the gateway starts with.

        Args:
            source: The file that a reload reads.
            config: Checked, from that file.
            notifier: To the service manager.
            host: Of a cluster, which this machine is; None = one machine.
            clustered: The flow is spread over processes, which take over nothing while they run.
            on_accept: Called with each configuration that comes into force.
        """
        self._source = source
        self._notifier = notifier or Notifier("")
        self._host = [] if host is None else [host]
        self._clustered = clustered
        self._on_accept = on_accept
        self._path = in_force_path(config)
        self._back = self._path.with_name("former.json")  # comes back where a process does not do with the next
        self._folder = Layout(config.gateway.data).config
        self._status_folder = Layout(config.gateway.data).status
        former = self._former()
        self._kept = InForce(former + 1, config, digests(config))
        self.environment: Mapping[str, str] = {VARIABLE: str(self._path)}
        try:
            write(self._path, self._kept)
        except OSError as error:  # a full disk is no reason not to collect what still has room
            self.environment = {}
            log.warning("configuration_not_kept", path=str(self._path), error=error.strerror)
        self._asked = asyncio.Event()
        self._on_trial = False
        self._failed = ""  # why a process does not do with what is on trial
        self._outcomes = read_outcomes(self._folder)

    def ask(self) -> None:
        """A reload is wanted; at SIGHUP. One that is asked for while another runs follows it."""
        self._asked.set()

    def gave_up(self, role: str, code: int) -> bool:
        """A process ended by itself; True = it is a trial's fault, and will be taken care of."""
        if self._on_trial and code in (Exit.CONFIG, Exit.FLOW):
            self._failed = f"the {role} process ended with exit code {code}; its log says why"
            return True
        return False

    async def run(self, processes: Processes) -> None:
        """Serve until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._notifier.reloading()
            outcome = await self._reload(processes)
            self._note(outcome)
            self._notifier.reloaded()

    async def _reload(self, processes: Processes) -> Outcome:
        began = time.monotonic_ns()
        log.info("reload_started", file=str(self._source))
        if not self.environment:
            why = "the configuration in force could not be kept when the gateway was started"
            fix = "Make room on its disk, then start it again."
            return self._outcome(began, REFUSED, refusal=f"{self._path.parent}: {why}. {fix}", brief=why)
        try:
            verdict = await self._try()
        except (OSError, ValueError, TimeoutError) as error:
            text = str(error) or f"not within {_TRIAL_S:.0f} s"
            return self._outcome(began, REFUSED, refusal=f"{self._source}: cannot be tried: {text}", brief=text)
        if verdict["refusal"]:
            return self._outcome(began, REFUSED, refusal=verdict["refusal"], brief=verdict["brief"])
        parts = tuple(Part(one["name"], one["what"], tuple(one["roles"])) for one in verdict["changes"]["parts"])
        if all(part.what == SAME for part in parts):
            return self._outcome(began, SAME, parts=parts)
        return await self._replace(processes, verdict["changes"], began, parts)

    async def _replace(
        self, processes: Processes, changes: Mapping[str, Any], began: int, parts: tuple[Part, ...]
    ) -> Outcome:
        """What passed its trial comes into force, or what was before comes back."""
        former, stuck = self._kept, self._on_trial
        self._failed, self._on_trial = "", True  # until all is done: a second process may end while it is taken back
        try:
            self._kept = await asyncio.to_thread(self._follow, former)
        except (OSError, ValueError) as error:
            self._on_trial = stuck
            return self._outcome(began, REFUSED, refusal=f"cannot be kept: {error}", brief="it cannot be kept")
        restarts = self._restarts(processes, changes)
        silent = await self._carry(processes, former, restarts)
        if not self._failed:
            self._on_trial = False
            return self._outcome(began, ACCEPTED, parts=parts, silent=silent)
        why, new = self._failed, self._kept
        log.warning("reload_taken_back", why=why)
        try:
            await asyncio.to_thread(self._back.replace, self._path)
        except OSError as error:  # still on trial: what does not do with it must not stop what does
            log.error("reload_not_taken_back", path=str(self._path), error=error.strerror)
            fix = f"{self._path}: the former cannot be put back ({error.strerror}). Correct the file, then reload."
            return self._outcome(began, REFUSED, refusal=f"{why}; {fix}", brief=f"{why}; the former cannot be put back")
        self._failed, self._kept = "", replace(former, generation=new.generation + 1)
        await self._carry(processes, new, restarts)
        self._on_trial = False
        return self._outcome(began, REFUSED, refusal=why, brief=why)

    def _restarts(self, processes: Processes, changes: Mapping[str, Any]) -> tuple[str, ...]:
        """Processes that have to be started again; of a flow that is spread, all of its."""
        kinds = {*changes["restarts"]}
        if self._clustered and FLOW in changes["live"]:
            kinds.add(FLOW)
        return tuple(role for role in processes.roles if role.split("-")[0] in kinds)

    async def _try(self) -> dict[str, Any]:
        """The answer of `trial.py`."""
        following = self._path.with_name("next.json")
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge_gateway.reload.trial"),
            *(str(self._source), str(self._path), str(following), *self._host),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid())},
            start_new_session=True,
        )
        try:
            said, trouble = await asyncio.wait_for(child.communicate(), _TRIAL_S)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0:
            last = trouble.decode(errors="replace").strip().rpartition("\n")[2]
            msg = f"the check ended with exit code {child.returncode}: {last}"
            raise ValueError(msg)
        verdict: dict[str, Any] = json.loads(said.decode().strip().rpartition("\n")[2])  # a module may print, too
        return verdict

    def _follow(self, former: InForce) -> InForce:
        """What was tried comes into force; the way back is laid before, for then the disk may be full."""
        following = self._path.with_name("next.json")
        kept = read(following)
        write(self._back, replace(former, generation=kept.generation + 1))
        following.replace(self._path)
        return kept

    async def _carry(self, processes: Processes, former: InForce, restarts: tuple[str, ...]) -> tuple[str, ...]:
        """Start again what must be, and wait until all say that they run by it; those that did not."""
        self._on_accept(self._kept.config)
        await asyncio.gather(*(processes.restart(role) for role in restarts))
        wanted, had = self._kept.config.page.enabled, former.config.page.enabled
        if wanted and not had:
            processes.begin(PAGE)
        elif had and not wanted:
            await processes.finish(PAGE)
        end, silent = time.monotonic() + _SETTLE_S, processes.roles
        begun: dict[int, int] = {}
        while not self._failed and time.monotonic() < end:
            silent = self._silent(processes, restarts, begun)
            if not silent:
                return ()
            await asyncio.sleep(_LOOK_S)
        return silent

    def _silent(self, processes: Processes, restarts: tuple[str, ...], begun: dict[int, int]) -> tuple[str, ...]:
        """Processes that have not said yet that they run by what is in force; notes one that refuses it.

        Args:
            processes: All of them.
            restarts: Those that have to say so for a while: one that is about to end has said it, too.
            begun: When each process said so first, by its number; filled here.
        """
        silent = []
        for role in processes.roles:
            if role not in ROLES:
                continue  # a page reads what the others say; further flows of a cluster end with the first
            status = read_status(self._status_folder, role)
            pid, written = processes.pid(role), int(status.get("mono", 0))
            said = pid is not None and (status.get("pid"), status.get("generation")) == (pid, self._kept.generation)
            if said and role in restarts:
                said = written - begun.setdefault(pid or 0, written) >= _HOLD_S * 1e9
            if not said:
                silent.append(role)
            refused = status.get("generation_refused", {})
            if refused.get("generation") == self._kept.generation:
                self._failed = f"the {role} process refuses it: {refused['why']}"
        return tuple(silent)

    def _outcome(self, began: int, result: str, **more: Any) -> Outcome:
        number = self._outcomes[-1].number + 1 if self._outcomes else 1
        return Outcome(number, began, time.time_ns(), result, self._kept.generation, **more)

    def _note(self, outcome: Outcome) -> None:
        self._outcomes = [*self._outcomes, outcome][-1:]
        if outcome.result == REFUSED:
            log.warning("reload_refused", generation=outcome.generation, problems=outcome.refusal)
        else:
            log.info("reload_done", generation=outcome.generation, told=outcome.told())
        if outcome.silent:
            log.warning("reload_not_answered", generation=outcome.generation, processes=outcome.silent)
        try:
            add_outcome(self._folder, outcome)
        except OSError as error:
            log.warning("reload_not_noted", error=error.strerror)

    def facts(self) -> Mapping[str, Any]:
        """For the supervisor's status."""
        last = asdict(self._outcomes[-1]) if self._outcomes else {}
        return {"generation": self._kept.generation, "source": str(self._source), "reload": last}

    def _former(self) -> int:
        """The last generation of an earlier run."""
        try:
            return read(self._path).generation
        except (OSError, ValueError):
            return 0
