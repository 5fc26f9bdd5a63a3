"""The graph that is put around a model from elsewhere, so that it honours the bundle contract.

    rows -> hold holes and wild values back -> cast -> [the model] -> cast -> score, alarm, contributions

Of a reconstruction the error becomes the score: the mean over all columns of the squared error in units of the
column's spread. It is a sum over columns, so what each tag contributes is exact. Of a model that gives a score itself,
a tag contributes what the score falls by when its columns are put on their centre (occlusion: Zeiler and Fergus, ECCV
2014); the row and its copies without one tag each go through the model in the same call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detectors.row_detector import TINY, Z_LIMIT
from models.export.graph import DOUBLE, FIRST, FLOAT, LAST, Graph
from models.foreign.read import Foreign
from models.manifest import THRESHOLD
from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE

_TYPES = {"float32": FLOAT, "float64": DOUBLE}


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What normal operation looked like, and which raw score became 1.0.

    Attributes:
        centre: float64[tags * features], of the columns.
        spread: float64[tags * features], of the columns, > 0.
        zero: Raw score that becomes 0; 0 for a reconstruction.
        limit: Raw score that becomes 1, above `zero`.
        falls: The model's score falls where a row is unusual.
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    zero: float = 0.0
    limit: float = 1.0
    falls: bool = False


def wrap(
    foreign: Foreign,
    scale: Scale,
    *,
    one_by_one: bool,
    name: str,
    version: str,
    tags: Sequence[str],
    features: Sequence[str],
) -> bytes:
    """Serialise the model with what is put around it.

    Args:
        foreign: The model.
        scale: From the recording; with `zero` 0 and `limit` 1 the scores are raw.
        one_by_one: It takes one row at a time: so the graph says, and asks it about no copies of a row.
        name: Of the model.
        version: Of the model.
        tags: Names, in order.
        features: Names, in order.

    Returns:
        The same bytes for the same arguments.
    """
    add, shape = Graph(), (len(tags), len(features))
    bad = add("IsNaN", add("Mul", ROWS, 0.0))  # infinity times 0 is none either
    whole = add.total(add("Where", bad, np.nan, 0.0), shape[0] * shape[1])  # float64[n, 1], 0 or NaN
    furthest = Z_LIMIT * scale.spread
    held = add("Where", bad, scale.centre, ROWS)
    held = add("Max", add("Min", held, scale.centre + furthest), scale.centre - furthest)
    if foreign.reconstructs:
        score, blame = _of_reconstruction(add, foreign, scale, held, shape)
    elif one_by_one:
        score, blame = _of_score(add, foreign, scale, held, shape), add("Expand", 0.0, np.array([1, shape[0]]))
    else:
        score, blame = _of_score_and_copies(add, foreign, scale, held, shape)
    add("Squeeze", add("Add", score, whole), FIRST, out=SCORE)
    add("Not", add("LessOrEqual", SCORE, THRESHOLD), out=ALARM)
    parts = add("Add", add("Max", blame, 0.0), TINY)
    shares = add("Div", parts, add.total(parts, shape[0]))
    # A model that gives a NaN of a whole row has no score, and so no shares of it.
    nothing = add("Mul", add("Unsqueeze", SCORE, FIRST), 0.0)
    add("Add", shares, nothing, out=CONTRIBUTIONS)
    return add.serialise(name=name, version=version, tags=tags, features=features, one_by_one=one_by_one)


def _run(add: Graph, foreign: Foreign, rows: str, shape: tuple[int, int] | None) -> str:
    """The model's output of float64[m, columns], as float64 of whatever shape it has."""
    if shape is not None:
        rows = add("Reshape", rows, np.array([-1, *shape], dtype=np.int64))
    add("Cast", rows, to=_TYPES[foreign.dtype], out=foreign.input)
    add.include(foreign.model)
    return add("Cast", foreign.output, to=DOUBLE)


def _of_reconstruction(
    add: Graph, foreign: Foreign, scale: Scale, held: str, shape: tuple[int, int]
) -> tuple[str, str]:
    columns = shape[0] * shape[1]
    made = _run(add, foreign, held, shape if foreign.by_tag else None)
    made = add("Reshape", made, np.array([-1, columns], dtype=np.int64))
    error = add("Div", add("Sub", held, made), scale.spread)
    terms = add("Mul", error, error)
    to_tags = np.repeat(np.eye(shape[0]), shape[1], axis=0)
    return add.total(terms, columns, 1.0 / (columns * scale.limit)), add("MatMul", terms, to_tags)


def _of_score(add: Graph, foreign: Foreign, scale: Scale, held: str, shape: tuple[int, int]) -> str:
    raw = _run(add, foreign, held, shape if foreign.by_tag else None)
    return _scaled(add, add("Reshape", raw, np.array([-1, 1], dtype=np.int64)), scale)


def _of_score_and_copies(
    add: Graph, foreign: Foreign, scale: Scale, held: str, shape: tuple[int, int]
) -> tuple[str, str]:
    tags, columns = shape[0], shape[0] * shape[1]
    without = np.concatenate([np.zeros((1, tags), np.bool_), np.eye(tags, dtype=np.bool_)])
    without = np.repeat(without, shape[1], axis=1)[None]  # [1, tags + 1, columns]
    copies = add("Where", without, scale.centre, add("Unsqueeze", held, FIRST))
    flat = add("Reshape", copies, np.array([-1, columns], dtype=np.int64))
    raw = _run(add, foreign, flat, shape if foreign.by_tag else None)
    scores = _scaled(add, add("Reshape", raw, np.array([-1, tags + 1], dtype=np.int64)), scale)
    score = add("Gather", scores, np.array([0], dtype=np.int64), axis=1)
    others = add("Slice", scores, np.array([1]), np.array([tags + 1]), LAST)
    return score, add("Sub", score, others)


def _scaled(add: Graph, raw: str, scale: Scale) -> str:
    sign = -1.0 if scale.falls else 1.0
    return add("Div", add("Sub", add("Mul", raw, sign), scale.zero), scale.limit - scale.zero)
