"""JSON from outside, read into a dataclass: of one schema only, nothing unknown, missing or of another type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def read_strict(data: bytes, schema: int, reader: Callable[[], TypeAdapter[T]]) -> T:
    """An object that says of itself which schema it is of.

    Args:
        data: From outside.
        schema: The only one that is read.
        reader: Makes or keeps the adapter; asked once the schema is right.

    Raises:
        ValueError: One line: the schema, or each key that is wrong.
    """
    try:
        head = json.loads(data)
    except RecursionError:
        msg = "nested too deep"
        raise ValueError(msg) from None
    found = head.get("schema") if isinstance(head, dict) else None
    if found != schema:
        msg = f"schema = {found!r}: this software reads schema {schema}"
        raise ValueError(msg)
    try:
        return reader().validate_json(data)
    except ValidationError as error:
        msg = "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}".strip() for one in error.errors())
        raise ValueError(msg) from None
