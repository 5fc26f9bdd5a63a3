"""Named arrays as bytes: NumPy's .npz, with nothing in it that could be executed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode_arrays(holder: object, names: Sequence[str]) -> bytes:
    """Attributes of an object, by name. The same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name: getattr(holder, name) for name in names})
    return buffer.getvalue()


def decode_arrays(data: bytes, names: Sequence[str], most: int) -> list[NDArray[Any]]:
    """Inverse of `encode_arrays`: a pickle in it is never loaded, and it is not inflated beyond a bound.

    Args:
        data: From outside.
        names: What must be in it.
        most: Bytes it may take when inflated.

    Raises:
        ValueError: It is not an archive of such arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inflated = sum(member.file_size for member in archive.infolist())
        if inflated <= most:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return [arrays[name] for name in names]
    # A header may also claim an array that no machine has the memory for, or a compression that is not built in.
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, MemoryError, OSError) as error:
        said = " and ".join([", ".join(names[:-1]), names[-1]])
        msg = f"it is not an archive of the arrays {said} ({error})"
        raise ValueError(msg) from error
    msg = f"it inflates to more than {most} bytes"
    raise ValueError(msg)
