"""The section of the log."""

from __future__ import annotations

from typing import Literal

from edge_gateway.config.section import Section, option


class LogSection(Section):
    """What is written to stderr. Every event is listed in edge_gateway/OBSERVE.md."""

    format: Literal["auto", "json", "pretty"] = option(
        "auto",
        description="One JSON object a line, or pretty for people; auto is pretty on a terminal, else json.",
        fix="auto, json or pretty.",
    )
    level: Literal["debug", "info", "warning", "error"] = option(
        "info",
        description="Least level that is written. At a warning no data was lost, at an error some may be.",
        fix="debug, info, warning or error.",
    )
