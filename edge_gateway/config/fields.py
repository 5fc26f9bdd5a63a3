"""What the classes of the sections say of themselves: which field a key is, which section stands behind a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, Discriminator
from pydantic.fields import FieldInfo


def section_of(info: FieldInfo | None) -> type[BaseModel] | None:
    """The section class behind a field, also inside a tuple; of alternatives the first."""
    return next(iter(sections_of(info)), None)


def sections_of(info: FieldInfo | None) -> list[type[BaseModel]]:
    """The section classes behind a field: several where the file says by a key which one it means."""
    found = _parts(info.annotation) if info else []
    return [c for c in found if isinstance(c, type) and issubclass(c, BaseModel)]


def kind_key(info: FieldInfo) -> str:
    """The key by which the file says which of several sections it means; "" = there is but one."""
    parts = _parts(info.annotation)
    keys = [info.discriminator, *(part.discriminator for part in parts if isinstance(part, Discriminator))]
    return next((key for key in keys if isinstance(key, str)), "")


def alternative(info: FieldInfo, tag: object) -> type[BaseModel] | None:
    """The section that a table means which says `tag` by its `kind_key`."""
    key = kind_key(info)
    return next((s for s in sections_of(info) if tag in get_args(s.model_fields[key].annotation)), None)


def known_keys(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """Fields by the keys they are written under: some of those are words of Python's own."""
    fields = model.model_fields if model else {}
    return {info.alias or name: info for name, info in fields.items()}


def words_of(info: FieldInfo | None) -> list[str]:
    """The words that a field may be, where it is one of a few."""
    return [part for part in (_parts(info.annotation) if info else []) if isinstance(part, str)]


def field_at(
    loc: Sequence[str | int], root: type[BaseModel], data: Any = None
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The section that holds the key, and the key's field where it is known."""
    model: type[BaseModel] | None = root
    info: FieldInfo | None = None
    last = max((at for at, step in enumerate(loc) if isinstance(step, str)), default=-1)
    for at, step in enumerate(loc[: last + 1]):
        if isinstance(step, int):
            data = data[step] if isinstance(data, list) and step < len(data) else None
        else:
            info = known_keys(model).get(step)
            data = data.get(step) if isinstance(data, dict) else None
        if at < last:
            model = section_of(info)
            if info is not None and kind_key(info) and isinstance(data, dict):
                model = alternative(info, data.get(kind_key(info)))
    return model, info


def fix_of(info: FieldInfo | None) -> str:
    """What a field says is to be done when it is wrong."""
    extra = info.json_schema_extra if info else None
    return str(extra.get("fix", "")) if isinstance(extra, dict) else ""


def _parts(annotation: Any) -> list[Any]:
    """An annotation and all it is made of: the items of a tuple, the alternatives, what is said of them."""
    parts = [annotation]
    for part in get_args(annotation):
        parts += _parts(part)
    return parts
