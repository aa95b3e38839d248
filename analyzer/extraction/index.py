"""The index of what was extracted: a row for each file, and where it came from."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analyzer.tables.export import WRITERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.extraction.folder import Folder

_TEXT, _COUNT = pa.string(), pa.int64()
COLUMNS = pa.schema(
    [
        ("file", _TEXT),
        ("kind", _TEXT),
        ("sha256", _TEXT),
        ("size_bytes", _COUNT),
        ("partial", pa.bool_()),
        ("name", _TEXT),
        ("type", _TEXT),
        ("detected_type", _TEXT),
        ("part", _TEXT),
        ("message_file", _TEXT),
        ("session_id", _TEXT),
        ("time", pa.timestamp("ns", tz="UTC")),
        ("capture", _TEXT),
        ("frame", _COUNT),
        ("direction", _TEXT),
        ("outcome", _TEXT),
        ("mail_from", _TEXT),
        ("rcpt_to", pa.list_(_TEXT)),
        ("message_id", _TEXT),
        ("from", _TEXT),
        ("subject", _TEXT),
    ]
)
_FORMATS = ("parquet", "csv")


def write_index(rows: Sequence[dict[str, Any]], folder: Folder) -> None:
    """Write the index as Parquet and as CSV.

    Raises:
        OSError: it can't be written.
    """
    table = pa.Table.from_pylist(list(rows), COLUMNS)
    for kind in _FORMATS:
        file = io.BytesIO()
        WRITERS[kind]([table], COLUMNS, file)
        folder.write(f"index.{kind}", file.getvalue(), is_new=True)
