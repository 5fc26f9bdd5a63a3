"""A folder that nobody else can write or read.

Bytewax keeps its recovery state as Python pickles, and loading a pickle runs what it says: so that folder must be as
much this user's own as the program is.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edge_gateway.claim import FolderRefused


def own_folder(path: Path) -> None:
    """Make it, or close it to others if it is there.

    Raises:
        FolderRefused: It belongs to somebody else, or is a link: who knows what lies in it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if is_ours and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            path.chmod(0o700)
    except OSError as error:
        msg = f"{path} cannot be made ({error.strerror}). Name a data folder on a local disk that this user may write."
        raise FolderRefused(msg) from error
    if not is_ours:
        rule = "is not a folder of this user's own, and what lies in it is executed"
        msg = f"{path} {rule}. Move it away, or run as its owner."
        raise FolderRefused(msg)
