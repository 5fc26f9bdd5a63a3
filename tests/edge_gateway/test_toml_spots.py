"""Lines of keys, for any document that tomllib takes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.config.toml_spots import Spot, spots

DOCUMENT = '''\
# [not.a.table]
title = "a = [b]"  # x = 1
"quoted key" = 1
[owner.address]
street.name = 'C:\\x'
text = """
[[no.table]]
key = "none" ""\\" """"
[[fruit]]
name = "apple"
colours = [
  "red",  # ] one
  "green", { deep = [1,
    2] },
]
[fruit.shape]
round = true
[[fruit.kinds]]
name = "a"
[[fruit.kinds]]
name = "b"
[[fruit]]
born = 1979-05-27 07:32:00
inline = { a = 1, b.c = 'x}' }
[[fruit.kinds]]
literal = \'\'\'
x''\'\'\'
last = 1
'''


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("title",), 2, 1),
        (("quoted key",), 3, 1),
        (("owner",), 4, 1),
        (("owner", "address", "street", "name"), 5, 8),
        (("owner", "address", "text"), 6, 1),
        (("fruit",), 9, 1),
        (("fruit", 0), 9, 1),
        (("fruit", 0, "colours", 1), 13, 3),
        (("fruit", 0, "colours", 2, "deep", 1), 14, 5),
        (("fruit", 0, "shape", "round"), 17, 1),
        (("fruit", 0, "kinds", 1, "name"), 21, 1),
        (("fruit", 1), 22, 1),
        (("fruit", 1, "inline", "b", "c"), 24, 21),
        (("fruit", 1, "kinds", 0, "last"), 28, 1),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_where_it_stands(path: tuple[str | int, ...], line: int, column: int, ends: str) -> None:
    assert spots(DOCUMENT.replace("\n", ends))[path] == Spot(line, column)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def test_every_value_of_the_document_is_found_and_nothing_else() -> None:
    assert set(spots(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
BARE = st.text("abAB01_-", min_size=1, max_size=3)
BLANK = st.sampled_from(["", " ", "\t "])
LINES = st.sampled_from(["", " ", "\n", "\n # ] } = [x]\n  "])


def basic(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


KEY = st.one_of(BARE, BARE.map(lambda word: f"'{word}'"), ANY.map(basic))
STRING = st.one_of(
    ANY.map(basic),
    ANY.map(lambda text: "'" + text.replace("'", "") + "'"),
    st.text('a"\\n\n[=', max_size=8).map(
        lambda text: '"""' + text.replace("\\", "\\\\").replace('"""', "'") + ' \\""""'
    ),
    st.text("a'#\n[=", max_size=8).map(lambda text: "'''" + text.replace("'''", '"') + "\n''''"),
)
PLAIN = st.sampled_from(
    ["1", "-0.5e3", "true", "inf", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.5", "07:32:00", "0xA_B"]
)


@st.composite
def dotted(draw: st.DrawFn) -> str:
    return (draw(BLANK) + "." + draw(BLANK)).join(draw(st.lists(KEY, min_size=1, max_size=3)))


@st.composite
def pair(draw: st.DrawFn, value: st.SearchStrategy[str]) -> str:
    return f"{draw(BLANK)}{draw(dotted())}{draw(BLANK)}={draw(BLANK)}{draw(value)}{draw(BLANK)}"


@st.composite
def listed(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    parts = [draw(LINES) + item + draw(LINES) for item in draw(st.lists(items, max_size=3))]
    return "[" + ",".join(parts) + (draw(st.sampled_from(["", ","])) if parts else "") + draw(LINES) + "]"


VALUE = st.recursive(
    st.one_of(STRING, PLAIN),
    lambda items: st.one_of(listed(items), st.lists(pair(items), max_size=3).map(lambda p: "{" + ",".join(p) + "}")),
    max_leaves=6,
)
HEAD = st.one_of(dotted().map(lambda key: f"[ {key} ]"), dotted().map(lambda key: f"[[{key} ]]"))
LINE = st.one_of(pair(VALUE), HEAD, st.sampled_from(["", "# x = [1"])).map(lambda line: f"{line} # c\n")


@given(st.lists(LINE, max_size=8))
def test_for_any_document_every_key_has_a_line_that_holds_it(lines: list[str]) -> None:
    text = ""
    for line in lines:  # what tomllib refuses beside the rest, such as a key that stands twice, is left out
        try:
            tomllib.loads(text + line)
        except tomllib.TOMLDecodeError:
            continue
        text += line
    data, found = tomllib.loads(text), spots(text)
    assert set(found) == set(paths(data))
    for path, spot in found.items():
        rest = text.split("\n")[spot.line - 1][spot.column - 1 :]
        key = path[-1]
        if isinstance(key, str):
            names = (key, f"'{key}'", basic(key))
            assert rest.startswith(names) or (rest.startswith("[") and any(name in rest for name in names))
