"""Where a replay writes: a folder of its own, never that of a gateway."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_gateway.claim import FolderRefused, claim

_MARKER = ".sluicegate-replay"  # says that what lies beside it came of a replay and may go


@contextmanager
def fresh_folder(folder: Path, real: Path) -> Iterator[Path]:
    """Empty a folder of an earlier replay, finished or not, and hold it while the block runs.

    Args:
        folder: Made where it is missing.
        real: Data folder of the gateway.

    Raises:
        FolderRefused: It is the gateway's own, somebody uses it, or it holds something that no replay put there.
    """
    if folder.resolve() == real.resolve() or real.resolve() in folder.resolve().parents:
        msg = f"--out {folder}: is in the data folder of the gateway, {real}: name another folder"
        raise FolderRefused(msg)
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    if names and not any(name.startswith(_MARKER) for name in names):
        msg = f"--out {folder}: holds files that are not a replay's: name another folder, or an empty one"
        raise FolderRefused(msg)
    with claim(folder, _MARKER):
        for entry in folder.iterdir():
            if entry.name.startswith(_MARKER):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        yield folder
