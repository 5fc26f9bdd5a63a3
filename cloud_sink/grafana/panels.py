"""The kinds of panel that the dashboards are made of. Colours are never alone: a word or a number stands beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import barchart, dashboard, histogram, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from cloud_sink.grafana.queries import InfluxQl, source

GOOD, DOUBT, BAD, CALM = "green", "orange", "red", "blue"

P = TypeVar("P", stat.Panel, timeseries.Panel, table.Panel, statetimeline.Panel, histogram.Panel, barchart.Panel)


def number(
    title: str, query: InfluxQl, told: str, *, unit: str = "short", steps: Sequence[tuple[float, str]] = ()
) -> Any:
    """One large figure: the last value.

    Args:
        title: Of the panel.
        query: One series.
        told: What it is, for the hint.
        unit: Grafana's name of it.
        steps: (from this value on, colour), rising; below the first it is `GOOD`.
    """
    panel = _begin(stat.Panel(), title, told, [query], 4, 6).unit(unit).thresholds(thresholds(steps))
    reduce = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    return panel.reduce_options(reduce).graph_mode(common.BigValueGraphMode.NONE)


def state(title: str, query: InfluxQl, told: str, words: Mapping[str, tuple[str, str]]) -> Any:
    """One word: the last value, translated.

    Args:
        title: Of the panel.
        query: One series.
        told: What it is.
        words: Value as text -> (word, colour).
    """
    panel = _begin(stat.Panel(), title, told, [query], 4, 6)
    reduce = common_builders.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/")
    return panel.reduce_options(reduce).graph_mode(common.BigValueGraphMode.NONE).mappings([_translated(words)])


def curves(
    title: str,
    queries: Sequence[InfluxQl],
    told: str,
    *,
    unit: str = "short",
    limit: float | None = None,
    width: int = 12,
    stacked: bool = False,
) -> Any:
    """Lines over time.

    Args:
        title: Of the panel.
        queries: Their series are told apart by their alias.
        told: What it is.
        unit: Grafana's name of it.
        limit: Drawn as a dashed line, and the area above it shaded.
        width: Of 24.
        stacked: On top of one another.
    """
    panel = _begin(timeseries.Panel(), title, told, queries, 8, width).unit(unit)
    panel = panel.line_width(1).fill_opacity(8).show_points(common.VisibilityMode.AUTO).span_nulls(False)
    panel = panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
    panel = panel.legend(legend.placement(common.LegendPlacement.BOTTOM).show_legend(True))
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if limit is not None:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED_AND_AREA)
        panel = panel.thresholds(thresholds([(limit, BAD)], first="transparent")).thresholds_style(style)
    return panel


def rows(
    title: str, query: InfluxQl, told: str, *, width: int = 24, height: int = 9, hidden: Sequence[str] = ()
) -> Any:
    """A table.

    Args:
        title: Of the panel.
        query: As a table.
        told: What it is.
        width: Of 24.
        height: Of the panel.
        hidden: Columns to leave out.
    """
    panel = _begin(table.Panel(), title, told, [query], height, width).filterable(True)
    for column in hidden:
        panel = panel.override_by_name(column, [DynamicConfigValue(id_val="custom.hidden", value=True)])
    return panel


def stripes(title: str, query: InfluxQl, told: str, steps: Sequence[tuple[float, str]], *, width: int = 24) -> Any:
    """One stripe a series over time, coloured by its value."""
    panel = _begin(statetimeline.Panel(), title, told, [query], 9, width)
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).show_legend(True)
    panel = panel.legend(legend.placement(common.LegendPlacement.BOTTOM))
    return panel.show_value(common.VisibilityMode.AUTO).thresholds(thresholds(steps)).decimals(1)


def distribution(title: str, query: InfluxQl, told: str, *, width: int = 12) -> Any:
    """How often which value."""
    return _begin(histogram.Panel(), title, told, [query], 8, width)


def bars(title: str, query: InfluxQl, told: str, *, width: int = 12) -> Any:
    """One bar a row of a table."""
    return _begin(barchart.Panel(), title, told, [query], 8, width)


def thresholds(steps: Sequence[tuple[float, str]], first: str = GOOD) -> dashboard.ThresholdsConfig:
    """Colours from values on."""
    told = [Threshold(value=None, color=first), *(Threshold(value=value, color=color) for value, color in steps)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(told)


def _begin(panel: P, title: str, told: str, queries: Sequence[InfluxQl], height: int, width: int) -> P:
    panel = panel.title(title).description(told).datasource(source()).height(height).span(width)
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(query.named(letter))
    return panel


def _translated(words: Mapping[str, tuple[str, str]]) -> ValueMap:
    options = {
        value: ValueMappingResult(text=word, color=color, index=index)
        for index, (value, (word, color)) in enumerate(words.items())
    }
    return ValueMap(options)
