"""Named arrays as bytes: NumPy's .npz, with nothing in it that could be executed or that claims more than it holds."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_DAMAGE = (ValueError, KeyError, EOFError, RuntimeError, OSError, zipfile.BadZipFile, zlib.error, tokenize.TokenError)
"""What an archive, a member of it and NumPy's reader of headers raise for bytes that they do not take."""


def encode_arrays(holder: object, names: Sequence[str]) -> bytes:
    """Attributes of an object, by name. The same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name: getattr(holder, name) for name in names})
    return buffer.getvalue()


def decode_arrays(data: bytes, names: Sequence[str], most: int) -> list[NDArray[Any]]:
    """Inverse of `encode_arrays`: a pickle in it is never loaded, and no more memory is taken than its size allows.

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
                return [_array(archive, f"{name}.npy") for name in names]
    except _DAMAGE as error:
        said = " and ".join([", ".join(names[:-1]), names[-1]])
        msg = f"it is not an archive of the arrays {said} ({error})"
        raise ValueError(msg) from error
    msg = f"it inflates to more than {most} bytes"
    raise ValueError(msg)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """NumPy's own reader would reserve whatever memory the header claims."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as member:
        shape, by_columns, dtype = _header(member)
        rest = size - member.tell()
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != rest:
            msg = f"{name} says that it is {dtype}{list(shape)}, and holds {rest} bytes"
            raise ValueError(msg)
        array: NDArray[Any] = np.frombuffer(member.read(rest), dtype)
    return array.reshape(shape, order="F" if by_columns else "C")


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first index runs fastest, and type: the format's versions 1.0 and 2.0 (numpy.lib.format)."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(member)
    if version not in readers:
        msg = f"version {version} of the array format"
        raise ValueError(msg)
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = readers[version](member)
    return header
