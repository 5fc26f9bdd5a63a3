"""Keeps the processes alive, each replaceable while the others go on, and stops them in the order of the data."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from edge_gateway.exit_codes import Exit
from edge_gateway.notify import Notifier
from edge_gateway.status import PAGE, ROLES, forget
from edge_gateway.watch import Watch

if TYPE_CHECKING:
    from edge_gateway.reload.keeper import Keeper

log = structlog.get_logger()

# A stop must end within 20 s (containers then send SIGKILL). Upstream first, so that what is in flight still gets
# through: seconds granted to each process.
_GRACE_S = {"acquire": 5.0, "flow": 8.0, "deliver": 5.0}
_PAGE_GRACE_S, _PAGE_LEAST_S = 6.0, 0.5  # from the beginning of the stop, for it ends beside the others
_FIRST_RESTART_S, _LONGEST_RESTART_S = 0.25, 30.0
_STABLE_S = 60.0  # running this long makes a process count as healthy again
_LOOK_S = 2.0


class Supervisor:
    """Starts, watches, restarts and stops the processes of one gateway."""

    def __init__(
        self,
        config: Path,
        statuses: Path,
        roles: tuple[str, ...] = ROLES,
        arguments: Callable[[str], Sequence[str]] = lambda role: ("--only", role),
        longest_restart_s: Mapping[str, float] = MappingProxyType({}),
        notifier: Notifier | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        """Describe it.

        Args:
            config: Of the gateway.
            statuses: Folder in which the processes tell of themselves.
            roles: Of the processes, in the order of the data.
            arguments: Of `sluicegate run` for a role.
            longest_restart_s: Longest wait before a restart, of roles where it is not the usual one.
            notifier: To the service manager.
            keeper: Of the configuration in force; None = it does not change.
        """
        self._config = config
        self._statuses = statuses
        self._roles = list(roles)
        self._keeper = keeper
        self._arguments = arguments
        self._longest_restart_s = longest_restart_s
        self._notifier = notifier or Notifier("")
        self._watch = Watch(statuses, self._notifier, told=keeper.facts if keeper is not None else dict)
        self._stop = asyncio.Event()
        self._leaving: set[str] = set()  # told to end while all others go on
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._nudges = {role: asyncio.Event() for role in roles}  # to try again at once
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._fatal = Exit.OK

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until a process says that no restart can help.

        Returns:
            An `Exit` code.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        forget(self._statuses)
        for role in self._roles:
            self._keeping[role] = asyncio.create_task(self._keep(role), name=role)
        watching = asyncio.create_task(self._keep_watch(), name="watch")
        async with self._reloads(loop):
            await self._stop.wait()
        for nudge in self._nudges.values():
            nudge.set()
        watching.cancel()
        self._notifier.stopping()
        began = time.monotonic()
        if (page := self._children.get(PAGE)) is not None and page.returncode is None:
            page.terminate()  # it ends beside the others, for nothing goes through it
        for role in self._roles:
            spent = time.monotonic() - began
            await self._end(role, _GRACE_S.get(_kind(role), max(_PAGE_LEAST_S, _PAGE_GRACE_S - spent)))
            await self._keeping[role]
        log.info("gateway_stopped")
        return self._fatal

    @property
    def roles(self) -> tuple[str, ...]:
        """See `edge_gateway.reload.keeper.Processes`, as for the four below."""
        return tuple(self._roles)

    def pid(self, role: str) -> int | None:
        """Of the running process."""
        child = self._children.get(role)
        return child.pid if child is not None and child.returncode is None else None

    async def restart(self, role: str) -> None:
        """End it in peace; it is started again at once."""
        self._nudges[role].set()
        if self.pid(role) is not None:
            self._leaving.add(role)
            self._watch.wanted(role)
            await self._end(role, _GRACE_S.get(_kind(role), _PAGE_GRACE_S))

    def begin(self, role: str) -> None:
        """Keep one more process."""
        self._roles.append(role)
        self._nudges[role] = asyncio.Event()
        self._keeping[role] = asyncio.create_task(self._keep(role), name=role)

    async def finish(self, role: str) -> None:
        """End it for good."""
        self._roles.remove(role)
        await self._end(role, _PAGE_GRACE_S)
        self._nudges.pop(role).set()
        await self._keeping.pop(role)

    @asynccontextmanager
    async def _reloads(self, loop: asyncio.AbstractEventLoop) -> AsyncIterator[None]:
        """At SIGHUP, until the end begins: a stop does not wait for a reload."""
        if self._keeper is None:
            yield
            return
        loop.add_signal_handler(signal.SIGHUP, self._keeper.ask)
        reloads = asyncio.create_task(self._keeper.run(self))
        reloads.add_done_callback(lambda _: self._stop.set())  # an error in there is one of ours
        try:
            yield
        finally:
            reloads.cancel()
            with suppress(asyncio.CancelledError):
                await reloads

    async def _keep(self, role: str) -> None:
        delay, nudge = _FIRST_RESTART_S, self._nudges[role]
        while not self._stop.is_set() and role in self._roles:
            nudge.clear()
            started = time.monotonic()
            try:
                code = await self._live(role)
            except OSError as error:  # no memory or no process number left just now
                log.error("process_not_started", process_name=role, error=error.strerror)
                code = Exit.FAILED
            if self._stop.is_set() or role not in self._roles:
                return
            if role in self._leaving:
                self._leaving.discard(role)
                log.info("process_restarted", process_name=role, exit_code=code)
                delay = _FIRST_RESTART_S
                continue
            taken_back = self._keeper is not None and self._keeper.gave_up(role, code)
            if code == Exit.CONFIG and not taken_back:
                log.error("process_refused", process_name=role, exit_code=code)
                self._fatal = Exit.CONFIG
                self._stop.set()
                return
            if time.monotonic() - started > _STABLE_S:
                delay = _FIRST_RESTART_S
            log.warning("process_restarting", process_name=role, exit_code=code, retry_in_s=delay)
            try:
                await asyncio.wait_for(nudge.wait(), delay)
                delay = _FIRST_RESTART_S
            except TimeoutError:
                delay = min(2 * delay, self._longest_restart_s.get(role, _LONGEST_RESTART_S))

    async def _live(self, role: str) -> int:
        """One life of a process; its exit code."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge_gateway",
            "run",
            str(self._config),
            *self._arguments(role),
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid()), **self._environment()},
            start_new_session=True,  # a Ctrl-C must reach the supervisor alone, which stops them in order
        )
        self._children[role] = child
        self._watch.born(role, child.pid)
        if self._stop.is_set():  # while it was being started: it has done nothing yet
            child.kill()
        return await child.wait()

    async def _keep_watch(self) -> None:
        """Kill what hangs; it is then started anew like anything that ended."""
        every_s = min(_LOOK_S, self._notifier.watchdog_s / 3 or _LOOK_S)
        while True:
            await asyncio.sleep(every_s)
            living = {role: child.pid for role, child in self._children.items() if child.returncode is None}
            try:
                stuck = await asyncio.to_thread(self._watch.look, living)
            except Exception:
                log.exception("watch_failed")  # a bug in the verdict must not end a gateway that works
                continue
            for role in stuck:
                if (child := self._children[role]).pid == living[role] and child.returncode is None:
                    child.kill()

    def _environment(self) -> Mapping[str, str]:
        return {} if self._keeper is None else self._keeper.environment

    async def _end(self, role: str, grace_s: float) -> None:
        child = self._children.get(role)
        if child is None or child.returncode is not None:
            return
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), grace_s)
        except TimeoutError:
            log.error("process_killed", process_name=role, after_s=grace_s)
            child.kill()
            await child.wait()


def _kind(role: str) -> str:
    """Of a process; further ones of a kind have a number."""
    return role.partition("-")[0]
