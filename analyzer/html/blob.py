"""Columns as the page's script reads them: typed arrays, compressed, in Base64.

After the length of a header (4 bytes, little-endian) comes that header, as JSON, which
names the arrays; then the arrays follow in its order, each at a multiple of 8 bytes.
All of it is compressed (RFC 1950), which browsers undo by themselves.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.tables.columns import whole
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

_ALIGNMENT = 8
# more makes it hardly smaller, and takes far longer
_LEVEL = 6


class Blob:
    """Collects columns, and what else the script is told.

    Args:
        model: what else, as JSON has it; text in it can do no harm.
    """

    def __init__(self, model: Mapping[str, Any] | None = None) -> None:
        self._header: dict[str, Any] = {"model": model or {}, "tables": {}}
        self._arrays: list[bytes] = []
        self._columns: list[dict[str, Any]] = []

    def table(self, name: str) -> None:
        """Begin a table; the columns that follow are its own."""
        self._columns = self._header["tables"][name] = []

    def texts(self, name: str, column: pa.ChunkedArray | pa.Array) -> None:
        """Add texts: places in a list of values, of which the first is null."""
        codes, values = _encode(column)
        self._add({"name": name, "kind": "codes", "values": values}, codes)

    def lists(self, name: str, column: pa.ChunkedArray | pa.Array) -> None:
        """Add lists of texts: where each starts, and places in a list of values."""
        lists = whole(column)
        lengths = compute.fill_null(compute.list_value_length(lists), 0).to_numpy()
        codes, values = _encode(compute.list_flatten(lists))
        self.coded_lists(name, lengths, codes, values)

    def coded_lists(
        self,
        name: str,
        lengths: npt.NDArray[Any],
        codes: npt.NDArray[Any],
        values: list[str | None],
    ) -> None:
        """Add lists whose texts are places in a list of values already."""
        starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.uint32)
        texts = [None if value is None else _text(value) for value in values]
        column = {"name": name, "kind": "lists", "values": texts}
        self._add(column, starts, _narrow(codes, len(values)))

    def numbers(self, name: str, numbers: npt.NDArray[Any]) -> None:
        """Add numbers, of the type that they have; not a number is null."""
        self._add({"name": name, "kind": "numbers"}, numbers)

    def encode(self) -> str:
        """Return all of it as text."""
        header = json.dumps(self._header, separators=(",", ":")).encode("ascii")
        # the length itself is before the header
        header += b" " * (-(len(header) + 4) % _ALIGNMENT)
        content = [len(header).to_bytes(4, "little"), header, *self._arrays]
        packed = zlib.compress(b"".join(content), _LEVEL)
        return base64.b64encode(packed).decode("ascii")

    def _add(self, column: dict[str, Any], *arrays: npt.NDArray[Any]) -> None:
        column["arrays"] = [[array.dtype.str[1:], len(array)] for array in arrays]
        self._columns.append(column)
        for array in arrays:
            packed = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
            self._arrays.append(packed + bytes(-len(packed) % _ALIGNMENT))


def _encode(
    column: pa.ChunkedArray | pa.Array,
) -> tuple[npt.NDArray[Any], list[str | None]]:
    """Return the place of each text among the values, and those; an empty one is null.

    Places are 0 for null. What is not text is told as text.
    """
    encoded = whole(column).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    values: dict[str | None, int] = {None: 0}
    places = [
        values.setdefault(None if text is None else _text(text) or None, len(values))
        for text in texts
    ]
    indices = compute.fill_null(encoded.indices, len(texts)).to_numpy()
    codes = np.array([*places, 0])[indices]
    return _narrow(codes, len(values)), list(values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape_controls(str(value))


def _narrow(codes: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """Return codes in the smallest type that holds so many."""
    return codes.astype(np.min_scalar_type(max(count - 1, 0)))
