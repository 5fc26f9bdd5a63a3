"""How many series a configuration makes in an InfluxDB: each stays in the server's memory, whatever is deleted."""

from __future__ import annotations

from collections.abc import Iterator

from edge_gateway.config.config import Config
from edge_gateway.config.problems import Problem
from edge_gateway.rule_sets import rule_sets
from edge_gateway.tables import tag_tables

_SEVERITIES = 2  # warning and alarm
_ROLES = 2  # of a model: active and shadow
_BUILT_IN = 2  # anomaly and data_quality
_EVENTS_PER_ASSET = 20  # kinds and reasons that one asset may see in a bad year; all there are would be twice as many
_OF_THE_GATEWAY = 50  # itself, its processes, reasons of drops


def series(config: Config) -> int:
    """At most, about: see `cloud_sink.influx.points` for what makes one."""
    tables, rules = tag_tables(config), rule_sets(config)
    features = sum(len(table) for table in tables)
    scores = _ROLES * sum(len(model.assets) for model in config.model)
    alerts = _SEVERITIES * sum(
        _BUILT_IN + (len(rules[table.asset].rules) if table.asset in rules else 0) for table in tables
    )
    events = _EVENTS_PER_ASSET * (len(tables) + 1)
    links = len(config.opcua) + len(config.modbus)
    return features + scores + alerts + events + links + _OF_THE_GATEWAY


def too_many(config: Config) -> Iterator[Problem]:
    """InfluxDBs whose budget the configuration exceeds."""
    if not config.influx:
        return
    count = series(config)
    for number, section in enumerate(config.influx):
        if count > section.max_series:
            yield Problem(
                f"influx[{number}].max_series",
                str(section.max_series),
                f"the configuration makes about {count} series",
                "Leave tags out of it by giving their machines to another gateway, or raise the limit knowingly.",
            )
