"""Queries in InfluxQL, as Grafana keeps them.

The SDK has no builder for InfluxDB; Grafana's own form of such a query is the few keys below.
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.cog import variants as cogvariants
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SOURCE = "${source}"  # the variable of every dashboard
SITE = '"site" =~ /^$site$/'
ASSET = '"asset" =~ /^$asset$/'
GATEWAY = '"gateway" =~ /^$gateway$/'
SIGNAL = '"signal" =~ /^$signal$/'
MODEL = '"model" =~ /^$model$/'


def source() -> DataSourceRef:
    """The InfluxDB that the dashboard's first variable names."""
    return DataSourceRef(type_val="influxdb", uid=SOURCE)


def select(what: str, measurement: str, *where: str, by: str = "", fill: str = "") -> str:
    """A statement over the dashboard's time range.

    Args:
        what: After SELECT.
        measurement: After FROM.
        where: Conditions, beside the time range.
        by: After GROUP BY.
        fill: For intervals without a point: `null`, `none`, `previous` or a number.
    """
    return (
        f'SELECT {what} FROM "{measurement}" WHERE {" AND ".join((*where, "$timeFilter"))}'
        + (f" GROUP BY {by}" if by else "")
        + (f" fill({fill})" if fill else "")
    )


def over_time(what: str, measurement: str, *where: str, by: str = "", fill: str = "null") -> str:
    """The same, one value an interval, by further tags."""
    return select(
        what, measurement, *where, by=", ".join(part for part in ("time($__interval)", by) if part), fill=fill
    )


def rate(field: str, measurement: str, *where: str, by: str = "") -> str:
    """Per second, of a count that only grows; a restart counts for nothing."""
    return over_time(f'non_negative_derivative(last("{field}"), 1s)', measurement, *where, by=by)


class _Query(cogvariants.Dataquery):
    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def to_json(self) -> dict[str, Any]:
        """Called by the SDK's encoder."""
        return self._content


class InfluxQl(cogbuilder.Builder[cogvariants.Dataquery]):
    """Builder of one query of a panel."""

    def __init__(self, text: str, *, alias: str = "", table: bool = False) -> None:
        """Describe it.

        Args:
            text: InfluxQL, with Grafana's variables.
            alias: Name of each series, `$tag_KEY` and `$col` in it; "" = the server's.
            table: Rows instead of series.
        """
        self._content: dict[str, Any] = {
            "query": text,
            "rawQuery": True,
            "resultFormat": "table" if table else "time_series",
            **({"alias": alias} if alias else {}),
        }

    def named(self, letter: str) -> InfluxQl:
        """Under the name that tells it from the panel's others."""
        self._content["refId"] = letter
        return self

    def build(self) -> cogvariants.Dataquery:
        """Called by the SDK."""
        reference = {"type": "influxdb", "uid": SOURCE}
        return _Query({"refId": "A", "datasource": reference, **self._content})
