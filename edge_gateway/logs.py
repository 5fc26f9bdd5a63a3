"""Log set-up, done once by each process. The level says what happened to data: WARNING nothing lost, ERROR lost."""

from __future__ import annotations

import logging
import sys

import structlog


def set_up(process: str, *, json: bool | None = None) -> None:
    """Configure structlog on stderr and quieten the libraries.

    Args:
        process: Bound to every line.
        json: One JSON object a line; left out: JSON unless stderr is a terminal.
    """
    pretty = sys.stderr.isatty() if json is None else not json
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(levelname)s: %(message)s")
    # asyncua formats whole publish results at INFO; its reconnect noise is told by our own driver once per change.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
