"""The live pages of an SQLite file, read without SQLite, which will not open what is damaged in the wrong place.

Layout: https://www.sqlite.org/fileformat2.html, sections 1 (pages, freelist) and 4 (write-ahead log).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PAGE = 4096  # what this room's files have; where the header says otherwise, it is the header that is damaged
_WAL_HEAD = 32
_FRAME_HEAD = 24
_TRUNK_MOST = PAGE // 4 - 2


class Pages:
    """The pages of a file with those of its log laid over them. What the disk cannot read is left out."""

    def __init__(self, path: Path) -> None:
        """Open the file, and read the log beside it where there is one.

        Raises:
            OSError: The file cannot be opened.
        """
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._over: dict[int, bytes] = {}
        self.count = os.fstat(self._file).st_size // PAGE
        log = path.with_name(path.name + "-wal")
        if log.exists():
            self._lay_over(log.read_bytes())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _lay_over(self, log: bytes) -> None:
        """Frames of the log's last generation, up to its last commit.

        Their checksums are passed over: SQLite stops at the first wrong one, and what comes after it is worth having
        here, where every row is checked by itself.
        """
        salts = log[16:24]
        pending: dict[int, bytes] = {}
        for at in range(_WAL_HEAD, len(log) - _FRAME_HEAD - PAGE + 1, _FRAME_HEAD + PAGE):
            head = log[at : at + _FRAME_HEAD]
            if head[8:16] != salts:
                return
            pending[int.from_bytes(head[:4])] = log[at + _FRAME_HEAD : at + _FRAME_HEAD + PAGE]
            if pages := int.from_bytes(head[4:8]):
                self._over |= pending
                # A file whose head is damaged believes, and writes here, that it has thousands of millions of pages.
                self.count = min(pages, max(self.count, *pending))
                pending = {}

    def __getitem__(self, number: int) -> bytes:
        """A page by its number, the first is 1; b"" where there is none."""
        if (page := self._over.get(number)) is not None:
            return page
        if not 0 < number <= self.count:
            return b""
        try:
            return os.pread(self._file, PAGE, (number - 1) * PAGE)
        except OSError:  # a bad sector
            return b""

    def live(self) -> Iterator[tuple[int, bytes]]:
        """Numbers and pages of all that are not free. A free page may still hold rows that were deleted."""
        free = self._free()
        for number in range(1, self.count + 1):
            if number not in free and len(page := self[number]) == PAGE:
                yield number, page

    def _free(self) -> set[int]:
        free: set[int] = set()
        trunk = int.from_bytes(self[1][32:36])
        while trunk and trunk not in free and (page := self[trunk]):
            free.add(trunk)
            leaves = min(int.from_bytes(page[4:8]), _TRUNK_MOST)
            free.update(int.from_bytes(page[at : at + 4]) for at in range(8, 8 + 4 * leaves, 4))
            trunk = int.from_bytes(page[:4])
        return free
