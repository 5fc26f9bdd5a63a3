"""What `--json` prints of a report that is a dataclass."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any


def report_json(report: Any, *, indent: int | None = 2, **more: Any) -> str:
    """One JSON object: the fields of a dataclass, then `more`; paths as text, NaN and infinities as null.

    Args:
        report: A dataclass.
        indent: None = in one line.
        more: Further keys.
    """
    assert is_dataclass(report)
    assert not isinstance(report, type)
    return json.dumps(_plain({**asdict(report), **more}), indent=indent)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON knows no NaN
    if hasattr(value, "item"):  # a number of numpy
        return _plain(value.item())
    return value
