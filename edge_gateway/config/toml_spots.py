"""Where every key of a TOML document stands: a walk over a text that `tomllib` has accepted already.

`tomllib` tells values and forgets lines. The libraries that keep them either give no positions for what is right
(tomlkit, rtoml) or bring a parser generator's run time to the gateway (tree-sitter), so this walk looks at nothing but
keys, heads of tables and the ends of values. A text that `tomllib` refuses must not come here. Pure.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass

Steps = tuple[str | int, ...]
"""Of a value: `("opcua", 0, "tags", 2, "node")`."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r"[A-Za-z0-9_-]+|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"")
_TEXT = re.compile(  # a text of several lines may end in up to two quotes of its own
    r'"""(?:[^\\]|\\.)*?""""{0,2}' + r"|'''.*?''''{0,2}" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}\n#]+")  # numbers, dates, true and false


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a text; both numbers begin at 1."""

    line: int
    column: int


def spots(text: str) -> dict[Steps, Spot]:
    """Every key, table and list item of a document, by its path. Of a table that stands in parts the first part.

    Args:
        text: TOML that `tomllib.loads` takes.
    """
    return _Walk(text.replace("\r\n", "\n")).walk()


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: dict[Steps, Spot] = {}
        self._lengths: dict[Steps, int] = {}  # of the lists whose items have heads

    def walk(self) -> dict[Steps, Spot]:
        table: Steps = ()
        while self._blank() < len(self._text):
            if self._text[self._at] == "[":
                table = self._head()
            else:
                self._pair(table)
        return self._found

    def _head(self) -> Steps:
        """`[a.b]` or `[[a.b]]`; what follows stands below the path that comes back."""
        begin, is_item = self._at, self._text.startswith("[[", self._at)
        self._at += 2 if is_item else 1
        keys = self._keys()
        self._at = self._text.index("]", self._at) + (2 if is_item else 1)
        path: Steps = ()
        for place, (key, _) in enumerate(keys, 1):
            path += (key,)
            self._note(path, begin)
            if place == len(keys) and is_item:
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path += (self._lengths[path] - 1,)
                self._note(path, begin)
        return path

    def _keys(self) -> list[tuple[str, int]]:
        """A key with its dots, and where each part begins."""
        keys: list[tuple[str, int]] = []
        while True:
            match = _KEY.match(self._text, self._blank())
            assert match is not None
            word = match[0]
            keys.append((tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word, self._at))
            self._at = match.end()
            if self._text[self._blank()] != ".":
                return keys
            self._at += 1

    def _pair(self, table: Steps) -> None:
        path = table
        for key, begin in self._keys():
            path += (key,)
            self._note(path, begin)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _value(self, path: Steps) -> None:
        begin = self._text[self._blank()]
        if begin == "[":
            self._several(path, "]")
        elif begin == "{":
            self._several(path, "}")
        else:
            match = (_TEXT if begin in "\"'" else _PLAIN).match(self._text, self._at)
            assert match is not None
            self._at = match.end()

    def _several(self, path: Steps, end: str) -> None:
        """The items of a list, or the pairs of a table in braces."""
        self._at += 1
        number = 0
        while self._text[self._blank()] != end:
            if self._text[self._at] == ",":
                self._at += 1
            elif end == "}":
                self._pair(path)
            else:
                self._note((*path, number), self._at)
                self._value((*path, number))
                number += 1
        self._at += 1

    def _blank(self) -> int:
        """Past blanks, line ends and comments."""
        match = _BLANK.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._at

    def _note(self, path: Steps, begin: int) -> None:
        if path not in self._found:
            line = bisect_right(self._starts, begin)
            self._found[path] = Spot(line, begin - self._starts[line - 1] + 1)
