"""Pages as tests read them: elements, texts, and the data of their script."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import itertools
import json
import zlib
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from analyzer.html import render_page
from analyzer.html.page import PLOTLY
from analyzer.html.provenance import Making
from tests.support.analyses import analysis_of, judgement_of
from tests.support.hostile import with_attacks

if TYPE_CHECKING:
    from analyzer.tables.results import Results

PLOTLY_SCRIPT = resources.files("analyzer.html").joinpath("assets", PLOTLY).read_text()
MADE = Making(dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC))
_VOID = {"meta", "input"}


class Blob(NamedTuple):
    """What a script is given: a model, and tables of rows by column."""

    model: dict[str, Any]
    tables: dict[str, dict[str, list[Any]]]

    def rows(self, table: str) -> list[dict[str, Any]]:
        columns = self.tables[table]
        return [
            dict(zip(columns, row, strict=True))
            for row in zip(*columns.values(), strict=True)
        ]


def array_types(text: str) -> list[str]:
    """Return the types of all arrays that `analyzer.html.blob` encoded."""
    columns = itertools.chain.from_iterable(_open(text)[0]["tables"].values())
    return [kind for column in columns for kind, _ in column["arrays"]]


def decode(text: str) -> Blob:
    """Decode what `analyzer.html.blob` encoded, as the page's script does."""
    header, content = _open(text)
    place = 0
    tables: dict[str, dict[str, list[Any]]] = {}
    for name, columns in header["tables"].items():
        tables[name] = {}
        for column in columns:
            arrays = []
            for kind, count in column["arrays"]:
                arrays.append(np.frombuffer(content, f"<{kind}", count, place))
                place += -(-arrays[-1].nbytes // 8) * 8
            tables[name][column["name"]] = _values(column, arrays)
    assert place == len(content)
    return Blob(header["model"], tables)


def _open(text: str) -> tuple[dict[str, Any], bytes]:
    """Return the header, and the arrays behind it."""
    content = zlib.decompress(base64.b64decode(text))
    behind = 4 + int.from_bytes(content[:4], "little")
    return json.loads(content[4:behind]), content[behind:]


def _values(column: dict[str, Any], arrays: list[Any]) -> list[Any]:
    if column["kind"] == "numbers":
        return [None if number != number else number for number in arrays[0].tolist()]
    values = column["values"]
    assert values[0] is None
    codes = [values[code] for code in arrays[-1].tolist()]
    if column["kind"] == "codes":
        return codes
    starts = arrays[0].tolist()
    return [codes[first:last] for first, last in itertools.pairwise(starts)]


class Page(HTMLParser):
    """The elements of a page, and the texts in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def inside(self, tag: str) -> list[str]:
        return [text for inside, text in self.texts if inside == tag]

    def script(self, name: str) -> str:
        """What a script element of data holds."""
        scripts = [attributes for tag, attributes in self.tags if tag == "script"]
        at = [attributes.get("id") for attributes in scripts].index(name)
        return self.inside("script")[at]

    @property
    def figures(self) -> Any:
        return json.loads(self.script("figures"))

    @functools.cached_property
    def data(self) -> Blob:
        return decode(self.script("data"))

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return self.data.rows("sessions")

    @property
    def dialogues(self) -> dict[str, Any]:
        found: dict[str, Any] = decode(self.script("dialogues")).model["dialogues"]
        return found

    @property
    def words(self) -> str:
        """What can be read."""
        shown = [text for tag, text in self.texts if tag not in ("script", "style")]
        return " ".join(" ".join(shown).split())

    @property
    def own(self) -> str:
        """All of it but Plotly, with its data decoded."""
        data = json.dumps([self.data, self.dialogues], ensure_ascii=False)
        return self.text.replace(PLOTLY_SCRIPT, "") + data


def render(analysis: Results, **more: Any) -> str:
    """Make a page that says that it was made at a certain time."""
    return render_page(analysis, making=MADE, **more)


@functools.cache
def page_of(name: str) -> Page:
    """The page of a committed capture."""
    return Page(render(analysis_of(name), judgement=judgement_of(name)))


@functools.cache
def hostile_page() -> Page:
    """The page of tables in which every text is an attack."""
    return Page(render(with_attacks(analysis_of("office"))))
