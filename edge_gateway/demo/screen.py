"""Shows the scene: one living screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_gateway.demo.scene import Mark, Scene

_STYLE = {Mark.WAITING: "dim", Mark.RUNNING: "bold cyan", Mark.DONE: "green", Mark.FAILED: "bold red"}
_BARS = " ▁▂▃▄▅▆▇█"
_PLAIN_EVERY_S = 5.0


class Screen(Protocol):
    """What the story draws on."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, scene: Scene) -> None:
        """Called several times a second, and at every change worth telling."""
        ...


class LiveScreen:
    """One screen that a person enjoys watching."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, screen=False, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, scene: Scene) -> None:
        """Draw it."""
        self._live.update(draw(scene))


class PlainScreen:
    """One line for each thing that happens, and the numbers every few seconds: for logs and CI."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._marks: dict[str, tuple[Mark, str]] = {}
        self._alerts = 0
        self._notes: list[str] = []
        self._numbers_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, scene: Scene) -> None:
        """Print what is new."""
        for step in scene.steps:
            now = (step.mark, step.detail if step.mark in {Mark.DONE, Mark.FAILED} else "")
            if step.mark is not Mark.WAITING and self._marks.get(step.title) != now:
                self._marks[step.title] = now
                self._line(scene, f"{step.mark} {step.title}" + (f": {now[1]}" if now[1] else ""))
        for note in scene.notes:
            if note not in self._notes:
                self._notes.append(note)
                self._line(scene, note)
        for alert in scene.alerts[self._alerts :]:
            what = f"ALERT {alert.state}: {alert.asset} {alert.rule}, score {alert.score:.1f}, {alert.because}"
            self._line(scene, f"{what}; durable {alert.latency_ms:.1f} ms after the deciding sample arrived")
        self._alerts = len(scene.alerts)
        if scene.samples and scene.elapsed_s - self._numbers_at >= _PLAIN_EVERY_S:
            self._numbers_at = scene.elapsed_s
            waiting = ", ".join(f"{lane} {count}" for lane, count in scene.backlog.items())
            self._line(
                scene,
                f"{scene.samples:,} samples ({scene.rate:,.0f}/s), {scene.windows} windows, uplink {scene.uplink}, "
                f"waiting: {waiting or 'nothing'}, sent {scene.bytes_sent:,} B",
            )

    def _line(self, scene: Scene, text: str) -> None:
        self._console.print(f"[{scene.elapsed_s:5.1f}s] {text}", markup=False, highlight=False, soft_wrap=True)


def draw(scene: Scene) -> RenderableType:
    """The scene as one screen of about 30 lines."""
    layout = Layout()
    layout.split_column(
        Layout(name="top", size=len(scene.steps) + 4), Layout(name="alerts", size=9), Layout(_notes(scene), size=8)
    )
    layout["top"].split_row(Layout(_steps(scene), ratio=3), Layout(_numbers(scene), ratio=2))
    layout["alerts"].update(_alerts(scene))
    title = f" Sluicegate: a pump station, its gateway, and a cloud that comes and goes   {scene.elapsed_s:5.0f} s "
    return Group(Text(title, style="bold reverse"), Layout(layout, size=len(scene.steps) + 21))


def _steps(scene: Scene) -> Panel:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(style="dim", overflow="ellipsis", no_wrap=True)
    for step in scene.steps:
        table.add_row(Text(step.mark, _STYLE[step.mark]), Text(step.title, _STYLE[step.mark]), step.detail)
    return Panel(table, title="the story", title_align="left", box=box.ROUNDED)


def _numbers(scene: Scene) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    rows = [
        ("samples received", f"{scene.samples:,}"),
        ("  a second", f"{scene.rate:,.0f}"),
        ("  placed in windows", f"{scene.placed:,}"),
        ("  late / dropped", f"{scene.late:,} / {scene.dropped:,}"),
        ("windows closed", f"{scene.windows:,}"),
        ("uplink", scene.uplink.upper()),
        ("waiting: alerts", f"{scene.backlog.get('alert', 0)}"),
        ("waiting: summaries", f"{scene.backlog.get('summary', 0)}"),
        ("bytes sent", f"{scene.bytes_sent:,}"),
        ("backlog", sparkline(list(scene.backlog_history)[-24:])),
    ]
    for name, value in rows:
        cut = name == "uplink" and scene.uplink == "cut"
        table.add_row(name, Text(value, style="bold red" if cut else ""))
    return Panel(table, title="the gateway, live", title_align="left", box=box.ROUNDED)


def _alerts(scene: Scene) -> Panel:
    table = Table(box=None, padding=(0, 1), expand=True)
    for name in ("at", "asset", "rule", "state", "score", "latency", "because of"):
        table.add_column(name, header_style="dim", no_wrap=True, overflow="ellipsis")
    for alert in scene.alerts[-5:]:
        style = "bold red" if alert.state == "opened" else "green"
        table.add_row(
            f"{alert.at:.0f} s",
            alert.asset,
            alert.rule,
            Text(alert.state.upper(), style),
            f"{alert.score:.1f}",
            f"{alert.latency_ms:.1f} ms",
            alert.because,
        )
    body: RenderableType = table if scene.alerts else Text("none: the plant is healthy", style="dim")
    return Panel(
        body,
        title="alerts (latency: deciding sample arrived -> alert durable on disk)",
        title_align="left",
        box=box.ROUNDED,
    )


def _notes(scene: Scene) -> Panel:
    return Panel("\n".join(scene.notes), title="what happened", title_align="left", box=box.ROUNDED)


def sparkline(values: list[int]) -> str:
    """Values as bars of eight heights, scaled to the largest."""
    top = max(values, default=0)
    return "".join(_BARS[0 if not top else -(-value * 8 // top)] for value in values)
