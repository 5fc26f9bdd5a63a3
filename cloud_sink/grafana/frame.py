"""What the dashboards share: variables, links to one another, alerts as annotations."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, DatasourceVariable, QueryVariable
from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from cloud_sink.grafana.queries import ASSET, SITE, select, source
from cloud_sink.influx.points import ALERT, EVENT, FEATURE, GATEWAY, SCORE

TAG = "sluicegate"

VALUES = {
    "site": ("Site", GATEWAY, ""),
    "gateway": ("Gateway", GATEWAY, SITE),
    "asset": ("Asset", FEATURE, SITE),
    "signal": ("Tag", FEATURE, f"{SITE} AND {ASSET}"),
    "model": ("Model", SCORE, f"{SITE} AND {ASSET}"),
}
"""Variable -> label, measurement it is looked up in, condition."""


def new(uid: str, title: str, told: str, *variables: str, several: bool = True) -> Dashboard:
    """An empty dashboard with its variables, the data source first.

    Args:
        uid: Stays for ever: it is in people's links.
        title: For people.
        told: What it shows.
        variables: Keys of `VALUES`, each looked up within those before it.
        several: Whether "all" and more than one asset can be chosen.
    """
    board = Dashboard(title).uid(uid).description(told).tags([TAG]).time("now-6h", "now").refresh("10s")
    board = board.tooltip(DashboardCursorSync.CROSSHAIR).link(_others()).timezone("browser").editable()
    board = board.with_variable(DatasourceVariable("source").label("InfluxDB").type("influxdb"))
    for name in variables:
        board = board.with_variable(_variable(name, several=several or name not in {"asset", "site"}))
    return board


def alerts_as_annotations(board: Dashboard, *where: str) -> Dashboard:
    """Openings as marks on every panel."""
    query = select('"detail", "rule", "severity", "asset"', ALERT, *where, "\"state\" = 'opened'")
    return board.annotation(_Marks("Alerts", "red", query, "detail", "rule,severity,asset"))


def gaps_as_annotations(board: Dashboard, *where: str) -> Dashboard:
    """Gaps of the data as marks on every panel."""
    query = select('"detail", "reason", "asset"', EVENT, *where, "\"kind\" = 'gap'")
    return board.annotation(_Marks("Gaps", "orange", query, "detail", "reason,asset"))


class _Marks(cogbuilder.Builder[models.AnnotationQuery]):
    """An annotation query of InfluxDB has keys of its own, which the SDK's model does not know."""

    def __init__(self, name: str, color: str, query: str, text: str, tags: str) -> None:
        self._content = _AnnotationQuery(name=name, datasource=source(), enable=True, icon_color=color)
        columns = {"textColumn": text, "tagsColumn": tags, "fromAnnotations": True}
        self._content.more = {"target": {"refId": "Anno", "query": query, "name": name, **columns}}

    def build(self) -> models.AnnotationQuery:
        return self._content


class _AnnotationQuery(models.AnnotationQuery):
    more: dict[str, Any]

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), **self.more}


def _others() -> DashboardLink:
    link = DashboardLink("Sluicegate").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return link.include_vars(True).keep_time(True).icon("external link")


def _variable(name: str, *, several: bool) -> QueryVariable:
    label, measurement, where = VALUES[name]
    query = f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{name}"' + (f" WHERE {where}" if where else "")
    variable = QueryVariable(name).label(label).query(query).datasource(source())
    variable = variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    if not several:
        return variable.multi(False).include_all(False)
    return variable.multi(True).include_all(True).current(VariableOption(selected=True, text="All", value="$__all"))
