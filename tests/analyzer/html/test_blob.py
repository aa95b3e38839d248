from __future__ import annotations

import numpy as np
import pyarrow as pa

from analyzer.html.blob import Blob
from tests.support.pages import array_types, decode


def test_columns_come_out_as_they_went_in() -> None:
    blob = Blob({"some": ["thing"]})
    blob.table("one")
    blob.texts("text", pa.chunked_array([["a", None], ["b", "a"]]))
    blob.texts("flag", pa.array([True, False, None, True]))
    blob.texts("port", pa.array([25, None, 587, 25], pa.uint16()))
    blob.lists("lists", pa.array([["x", "y"], [], None, ["y"]]))
    blob.numbers("odd", np.array([1, 2, 3], "uint8"))
    blob.numbers("number", np.array([0.5, np.nan, -1e300, 0]))
    blob.table("none")
    blob.texts("text", pa.array([], pa.string()))
    blob.lists("lists", pa.array([], pa.list_(pa.string())))

    model, tables = decode(blob.encode())

    assert model == {"some": ["thing"]}
    assert tables["one"] == {
        "text": ["a", None, "b", "a"],
        "flag": ["yes", "no", None, "yes"],
        "port": ["25", None, "587", "25"],
        "lists": [["x", "y"], [], [], ["y"]],
        "odd": [1, 2, 3],
        "number": [0.5, None, -1e300, 0],
    }
    assert tables["none"] == {"text": [], "lists": []}


def test_codes_are_as_short_as_their_number_allows() -> None:
    names = [str(number) for number in range(70_000)]
    for count, kind in ((255, "u1"), (256, "u2"), (65_535, "u2"), (70_000, "u4")):
        blob = Blob()
        blob.table("t")
        blob.texts("c", pa.array(names[:count]))
        text = blob.encode()

        assert array_types(text) == [kind]
        assert decode(text).tables["t"]["c"] == names[:count]


def test_empty_text_is_as_unknown_as_null_and_controls_are_escaped() -> None:
    blob = Blob()
    blob.table("t")
    blob.texts("c", pa.array(["", None, "a\x1b", "\u202e"]))

    assert decode(blob.encode()).tables["t"]["c"] == [None, None, "a\\x1b", "\\u202e"]
