"""Log set-up, done once by each process. The level says what happened to data: WARNING nothing lost, ERROR lost."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from typing_extensions import override

from edge_gateway.log_repeats import Repeats

Format = Literal["auto", "json", "pretty"]

log = structlog.get_logger(__name__)


def set_up(process: str, style: Format = "auto", level: str = "info") -> None:
    """Configure structlog on stderr, and let libraries speak through it, but quietly.

    Args:
        process: Bound to every line.
        style: json = one object a line; pretty = for people; auto = pretty on a terminal, else json.
        level: Least that is written: debug, info, warning or error.
    """
    pretty = sys.stderr.isatty() if style == "auto" else style == "pretty"
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            Repeats(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, handlers=[_Library()], force=True)
    # asyncua formats whole publish results at INFO; its reconnect noise is told by our own driver once per change.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)


class _Library(logging.Handler):
    """What libraries log, as events like ours."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log.warning("library_says", library=record.name, level_there=record.levelname, message=record.getMessage())
