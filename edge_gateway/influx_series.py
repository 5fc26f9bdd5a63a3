"""How many series a configuration makes in an InfluxDB: each stays in the server's memory, whatever is deleted."""

from __future__ import annotations

import difflib
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
    live = max((len(section.live) for section in config.influx), default=0)
    return features + live + scores + alerts + events + links + _OF_THE_GATEWAY


def unfit(config: Config) -> Iterator[Problem]:
    """InfluxDBs whose budget the configuration exceeds, or that name tags it does not have."""
    if not config.influx:
        return
    count = series(config)
    known = {f"{table.asset}/{tag}" for table in tag_tables(config) for tag in table.names}
    for number, section in enumerate(config.influx):
        for name in section.live:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                fix = f'Did you mean "{near[0]}"?' if near else "Write asset/tag, such as pump-1/flow."
                yield Problem(f"influx[{number}].live", f'"{name}"', "is no tag of this configuration", fix)
        if count > section.max_series:
            yield Problem(
                f"influx[{number}].max_series",
                str(section.max_series),
                f"the configuration makes about {count} series",
                "Leave tags out of it by giving their machines to another gateway, or raise the limit knowingly.",
            )
