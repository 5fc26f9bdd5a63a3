"""A gateway at a glance: what each part says of itself, and what is wrong, worst first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_gateway.config.config import Config
from edge_gateway.expectations import Expectation, expectations
from edge_gateway.layout import Layout
from edge_gateway.live import Tag
from edge_gateway.page.view import View
from edge_gateway.status import PAGE, ROLES, SUPERVISOR
from edge_gateway.times import span_text
from edge_gateway.verdict import Now, Status, Verdict, judge, read_statuses, reload_refused

_SLOW = 0.5  # share of the expected rate below which a tag is slow: polls that fail now and then are not
_FRESH_S = 5.0  # a process writes its status twice a second


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """One process.

    Attributes:
        role: Its name.
        is_alive: Whether it has told anything within 5 s.
        age_s: Since it last did; NaN = never.
        up_s: Since it started.
        rss_bytes: Memory.
        cpu: Share of a core, since it started or since the last look.
        restarts: By the supervisor.
    """

    role: str
    is_alive: bool
    age_s: float
    up_s: float
    rss_bytes: int
    cpu: float
    restarts: int


@dataclass(frozen=True, slots=True)
class TagLine:
    """One tag.

    Attributes:
        asset: Whose.
        tag: Its name.
        unit: Of the value.
        value: The last one; NaN = none.
        age_s: Since the device took it; NaN = there is none.
        quality: "good", "uncertain", "bad"; "" = there is no value.
        status: OPC-UA status code.
        rate: Samples a second over the last minute; NaN = not known.
        expected: Samples a second by the configuration; 0 = it does not say.
        is_least: Whether so many must come, rather than may.
        trouble: What is wrong; "" = nothing.
    """

    asset: str
    tag: str
    unit: str
    value: float
    age_s: float
    quality: str
    status: int
    rate: float
    expected: float
    is_least: bool
    trouble: str


@dataclass(frozen=True, slots=True)
class Overview:
    """One look.

    Attributes:
        site: Of the gateway.
        name: Of the gateway.
        data: Its folder.
        running: Whether any of its processes is alive.
        verdict: Health and readiness.
        processes: Each of them.
        links: By name: samples, errors, trouble.
        outbox: What waits, and the targets.
        models: What serves, by asset, with the last score.
        alarms: Those that are not normal.
        tags: Wrong ones first, then by asset and name.
        wrong: Sentences; () = all is well.
    """

    site: str
    name: str
    data: str
    running: bool
    verdict: Verdict
    processes: tuple[ProcessLine, ...]
    links: tuple[Mapping[str, Any], ...]
    outbox: Mapping[str, Any]
    models: tuple[Mapping[str, Any], ...]
    alarms: tuple[Mapping[str, Any], ...]
    tags: tuple[TagLine, ...]
    wrong: tuple[str, ...]


class Onlook:
    """Looks at a gateway that runs or has stopped, as often as one likes. Writes nothing, asks nobody."""

    def __init__(self, config: Config) -> None:
        """Nothing is read yet."""
        self._config = config
        self._status = Layout(config.gateway.data).status
        self._view = View(config)
        self._expected = expectations(config)
        self._cpu: dict[str, tuple[int, float]] = {}

    def look(self, now: Now | None = None) -> Overview:
        """Everything as it is now.

        Raises:
            ConnectorError: The journal is of newer software.
        """
        sections = self._view.look()
        statuses, now = read_statuses(self._status), now or Now.read()
        restarts = statuses[SUPERVISOR].get("restarts", {})
        processes = tuple(
            self._process(role, statuses.get(role, {}), restarts.get(role, 0), now.wall) for role in (*ROLES, PAGE)
        )
        running = any(one.is_alive for one in processes)
        tags = tuple(sorted(self._tags(now.wall, running=running), key=lambda tag: not tag.trouble))
        links = tuple(
            {**link, "trouble": statuses["acquire"].get("links", {}).get(link["name"], "") if running else ""}
            for link in sections["links"]
        )
        verdict = judge(statuses, now)
        return Overview(
            self._config.gateway.site,
            self._config.gateway.name,
            str(self._config.gateway.data),
            running,
            verdict,
            tuple(one for one in processes if one.role != PAGE or self._config.page.enabled),
            links,
            sections["outbox"],
            tuple(_models(statuses["flow"], sections["scores"])),
            tuple(sections["alarms"]),
            tags,
            tuple(_wrong(verdict, links, sections["outbox"], tags, statuses[SUPERVISOR], running=running)),
        )

    def rest(self) -> None:
        """Let go of the files."""
        self._view.rest()

    def _process(self, role: str, status: Status, restarts: int, now: int) -> ProcessLine:
        if not status:
            return ProcessLine(role, is_alive=False, age_s=math.nan, up_s=0.0, rss_bytes=0, cpu=0.0, restarts=restarts)
        at, cpu = int(status["time"]), float(status["cpu_s"])
        since, before = self._cpu.get(role, (int(status["started"]), 0.0))
        if cpu < before:  # another life
            since, before = int(status["started"]), 0.0
        used = (cpu - before) / ((at - since) / 1e9) if at > since else 0.0
        self._cpu[role] = at, cpu
        age = (now - at) / 1e9
        up, rss = (at - int(status["started"])) / 1e9, int(status["rss_bytes"])
        return ProcessLine(role, abs(age) < _FRESH_S, age, up, rss, used, restarts)

    def _tags(self, now: int, *, running: bool) -> Iterator[TagLine]:
        known = self._view.tags
        for asset, name in sorted({*self._expected, *known}):
            expected, tag = self._expected.get((asset, name)), known.get((asset, name))
            rate = math.nan if tag is None else tag.rate(now // 10**9)
            often = 1 / expected.interval_s if expected is not None and expected.interval_s else 0.0
            yield TagLine(
                asset,
                name,
                "" if tag is None else tag.unit,
                math.nan if tag is None else tag.value,
                math.nan if tag is None else (now - tag.time) / 1e9,
                "" if tag is None else tag.quality,
                0 if tag is None else tag.status,
                rate,
                often,
                expected is not None and expected.is_least,
                trouble_of(tag, expected, rate, now) if running else "",
            )


def trouble_of(tag: Tag | None, expected: Expectation | None, rate: float, now: int) -> str:
    """What is wrong with a tag of a running gateway; "" = nothing.

    Args:
        tag: None = there is no value of it in what was read of the journal.
        expected: None = it is no longer configured.
        rate: Samples a second; NaN = not known.
        now: Wall clock, ns.
    """
    if expected is None:
        return ""
    if tag is None:
        return "no value yet" if expected.is_least else ""
    age = (now - tag.time) / 1e9
    if age > expected.silent_s:
        return f"silent for {span_text(round(age) * 10**9)}, expected every {_interval(expected.interval_s)}"
    if tag.quality != "good":
        return f"{tag.quality}, 0x{tag.status:08X}"
    if expected.is_least and expected.interval_s and rate < _SLOW / expected.interval_s:
        return f"slow: {rate:.3g}/s of {1 / expected.interval_s:.3g}/s"
    return ""


def _interval(seconds: float) -> str:
    return span_text(round(seconds * 1e9))


def _models(flow: Status, scores: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What scored each asset last."""
    for asset, one in scores.items():
        yield {"asset": asset, "model": one["model"], "score": one["score"][-1], "threshold": one["threshold"]}
    for model in flow.get("models", ()):
        if model["role"] == "refused":
            yield {"asset": "", "model": f"{model['name']} (refused)", "score": None, "threshold": None}


def _wrong(
    verdict: Verdict,
    links: tuple[Mapping[str, Any], ...],
    outbox: Mapping[str, Any],
    tags: tuple[TagLine, ...],
    supervisor: Status,
    *,
    running: bool,
) -> Iterator[str]:
    if not running:
        yield "the gateway is not running"
        return
    yield from (f"{role}: {why}" for role, why in verdict.wedged.items())
    yield from verdict.unready
    yield from (f"link {link['name']}: {link['trouble']}" for link in links if link["trouble"])
    for name, target in outbox["targets"].items():
        if not target["up"]:
            yield f"target {name} is out of reach: {target['trouble']}; records are kept"
    if refused := reload_refused(supervisor):
        yield refused
    if troubled := sum(bool(tag.trouble) for tag in tags):
        yield f"{troubled} of {len(tags)} tags are not as they should be"
